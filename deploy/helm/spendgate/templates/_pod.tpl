{{- define "spendgate.container" -}}
image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag }}"
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
env:
  {{- range $name, $value := .root.Values.settings }}
  - { name: SPENDGATE_{{ $name }}, value: {{ $value | quote }} }
  {{- end }}
  - { name: SPENDGATE_DATA_DIR, value: /tmp/spendgate }
  {{- with .port }}
  - { name: SPENDGATE_METRICS_PORT, value: {{ . | quote }} }
  - { name: SPENDGATE_HTTP_PORT, value: {{ . | quote }} }
  {{- end }}
  - { name: SPENDGATE_METRICS_HOST, value: 0.0.0.0 }
  - { name: SPENDGATE_HTTP_HOST, value: 0.0.0.0 }
envFrom:
  - secretRef: { name: {{ .secret | default .root.Values.secretName }} }
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
volumeMounts:
  - { name: tmp, mountPath: /tmp }
  {{- if .root.Values.filesSecretName }}
  - { name: files, mountPath: /etc/spendgate/files, readOnly: true }
  {{- end }}
{{- end }}

{{- define "spendgate.pod" -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  fsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
volumes:
  - { name: tmp, emptyDir: {} }
  {{- if .Values.filesSecretName }}
  - { name: files, secret: { secretName: {{ .Values.filesSecretName }}, defaultMode: 0440 } }
  {{- end }}
{{- end }}
