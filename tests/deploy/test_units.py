"""The systemd units and the Helm chart: what their own tools find, and what our processes need of them."""

import json
import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.repository import ROOT, text_of, yaml_of

PROCESSES = ("worker", "scheduler", "ledger", "notifier", "api")
PORTS = {"worker": 9100, "scheduler": 9101, "ledger": 9102, "notifier": 9103, "api": 8000}
CHART = ROOT / "deploy/helm/spendgate"


@pytest.mark.parametrize("process", PROCESSES)
def test_a_unit_starts_its_process_again_whatever_it_ended_with(process: str) -> None:
    text = text_of(f"deploy/systemd/spendgate-{process}.service")
    unit = RawConfigParser(strict=False)  # EnvironmentFile comes twice
    unit.read_string(text)
    assert unit["Service"]["ExecStart"].split()[1:] == [process]
    assert unit["Service"]["Restart"] == "always" and unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    for path in (ROOT / "deploy/systemd").glob("*.service"):
        # Of an executable that is there: what is not installed is no fault of a unit.
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/spendgate/bin/spendgate", "/bin/true"))
    units = sorted(str(path) for path in tmp_path.iterdir())
    assert len(units) == len(PROCESSES)
    result = subprocess.run([tool, "verify", *units], capture_output=True, text=True, check=False)
    assert [line for line in result.stderr.splitlines() if "spendgate-" in line] == []


def helm(*arguments: str) -> str:
    tool = shutil.which("helm")
    if tool is None:
        pytest.skip("helm is not installed: go install helm.sh/helm/v3/cmd/helm@v3.16.4")
    result = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result
    return result.stdout


def rendered(*options: str) -> str:
    return helm("template", "s", str(CHART), *options)


def documents(text: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(text) if one]


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    helm("lint", "--strict", str(CHART))
    return documents(rendered("--set", "filesSecretName=certificates"))


def test_the_chart_makes_each_process_with_probes_and_a_budget(manifests: list[dict[str, Any]]) -> None:
    of_kind = {kind: [one for one in manifests if one["kind"] == kind] for kind in {it["kind"] for it in manifests}}
    assert {kind: len(them) for kind, them in of_kind.items()} == {
        "Deployment": 5,
        "PodDisruptionBudget": 5,
        "Service": 1,
        "Job": 1,
    }
    for deployment in of_kind["Deployment"]:
        pod = deployment["spec"]["template"]["spec"]
        [container] = pod["containers"]
        process = container["name"]
        assert container["args"] == ["spendgate", process] and pod["restartPolicy"] == "Always"
        settings = {one["name"]: one["value"] for one in container["env"]}
        port = settings["SPENDGATE_HTTP_PORT" if process == "api" else "SPENDGATE_METRICS_PORT"]
        assert container["ports"][0]["containerPort"] == PORTS[process] == int(port)
        probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
        assert probes == {"startup": "/health/startup", "liveness": "/health/live", "readiness": "/health/ready"}
        [budget] = [one for one in of_kind["PodDisruptionBudget"] if one["metadata"] == {"name": f"s-{process}"}]
        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["selector"]["matchLabels"].items() <= (
            deployment["spec"]["template"]["metadata"]["labels"].items()
        )


def test_each_process_may_have_a_secret_of_its_own() -> None:
    own = ("--set", "processes.ledger.secretName=ledger", "--set", "prepareSecretName=migrator")
    used = {
        container["name"]: container["envFrom"]
        for one in documents(rendered(*own))
        if one["kind"] in ("Deployment", "Job")
        for container in one["spec"]["template"]["spec"]["containers"]
    }
    secrets = {name: [it["secretRef"]["name"] for it in sources] for name, sources in used.items()}
    shared = {name: ["spendgate"] for name in (*PROCESSES, "prepare")}
    assert secrets == shared | {"ledger": ["ledger"], "prepare": ["migrator"]}


def test_prometheus_gives_pods_the_jobs_that_alerts_ask_for(manifests: list[dict[str, Any]], tmp_path: Path) -> None:
    """With the labels by which Prometheus knows a pod of the chart. Debian's knows no Kubernetes, so they are given."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    config = yaml_of("deploy/prometheus/kubernetes.yml")
    [scraped] = config["scrape_configs"]
    assert scraped.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    pods = [one["spec"]["template"] for one in manifests if one["kind"] == "Deployment"]
    scraped["static_configs"] = [
        {"targets": [f"pod-{number}:1"], "labels": _known_of(pod)} for number, pod in enumerate(pods)
    ]
    scraped["static_configs"] += [{"targets": ["another:1"], "labels": {}}]
    (tmp_path / "config.yml").write_text(yaml.safe_dump({"scrape_configs": [scraped]}))
    command = [tool, "check", "service-discovery", "--timeout=1s", str(tmp_path / "config.yml"), scraped["job_name"]]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result
    jobs = [target["labels"].get("job") for target in json.loads(result.stdout)]
    assert sorted(filter(None, jobs)) == sorted(f"spendgate-{process}" for process in PROCESSES)
    assert set(filter(None, jobs)) == {
        it["job_name"] for it in yaml_of("deploy/prometheus/prometheus.yml")["scrape_configs"]
    }


def _known_of(pod: dict[str, Any]) -> dict[str, str]:
    """As discovery names the labels of a pod and the name of its port."""
    [container] = pod["spec"]["containers"]
    of_pod = {re.sub(r"\W", "_", name): value for name, value in pod["metadata"]["labels"].items()}
    known = {f"label_{name}": value for name, value in of_pod.items()}
    known |= {"container_port_name": container["ports"][0]["name"], "name": container["name"]}
    return {f"__meta_kubernetes_pod_{name}": value for name, value in known.items()}


def test_files_of_a_secret_can_be_read_by_the_user_of_the_container(manifests: list[dict[str, Any]]) -> None:
    """They belong to root and to the group; others may not read keys."""
    for one in (it for it in manifests if it["kind"] in ("Deployment", "Job")):
        pod = one["spec"]["template"]["spec"]
        [files] = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "files"]
        assert files["defaultMode"] == 0o440
        assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsUser"]


@pytest.mark.parametrize(
    "options",
    [(), ("--set", "filesSecretName=certificates,prepareSecretName=migrator"), ("--set", "prepare=false")],
    ids=["defaults", "files", "without preparing"],
)
def test_kubernetes_takes_the_manifests(options: tuple[str, ...], tmp_path: Path) -> None:
    """By the schemas of its API, in which no field has another name or type."""
    tool = shutil.which("kubeconform")
    if tool is None:
        pytest.skip("kubeconform is not installed: go install github.com/yannh/kubeconform/cmd/kubeconform@v0.6.7")
    text = rendered(*options)
    write_schemas(tmp_path, {one["kind"] for one in documents(text)})
    command = [tool, "-strict", "-summary", "-schema-location", f"{tmp_path}/{{{{.ResourceKind}}}}.json"]
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result
    assert f"Valid: {len(documents(text))}, Invalid: 0, Errors: 0, Skipped: 0" in result.stdout


def write_schemas(folder: Path, kinds: set[str]) -> None:
    """One for each kind, from the API's description in a Go module that helm is built from: nothing is fetched."""
    go = shutil.which("go")
    cache = subprocess.run([go, "env", "GOMODCACHE"], capture_output=True, text=True, check=True) if go else None
    found = (
        sorted(Path(cache.stdout.strip()).glob("k8s.io/cli-runtime@*/artifacts/openapi/swagger.json")) if cache else []
    )
    if not found:
        pytest.skip("there are no schemas of Kubernetes: they come with `go install helm.sh/helm/v3/cmd/helm@v3.16.4`")
    definitions = json.loads(found[-1].read_text())["definitions"]
    for schema in definitions.values():
        if "properties" in schema:
            schema["additionalProperties"] = False
        if schema.get("format") == "int-or-string":
            del schema["type"]
    versions = {"Deployment": "apps.v1", "Job": "batch.v1", "PodDisruptionBudget": "policy.v1", "Service": "core.v1"}
    for kind in kinds:
        schema = {"$ref": f"#/definitions/io.k8s.api.{versions[kind]}.{kind}", "definitions": definitions}
        (folder / f"{kind.lower()}.json").write_text(json.dumps(schema))


def test_the_names_of_settings_in_the_chart_are_settings() -> None:
    from streams.settings import SETTINGS

    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert {name.lower() for name in values["settings"]} <= set(SETTINGS)
    assert set(values["processes"]) == set(PROCESSES)
