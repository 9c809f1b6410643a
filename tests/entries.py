"""A secured broker with a listener for each way in: certificates, tokens of a local OAuth 2 server, plain passwords."""

import base64
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from typing_extensions import override

from local.kafka import LocalKafka
from local.kafka_security import USER
from local.ports import HOST, choose_port
from streams.kafka.certificates import certificate_name

AUDIENCE = "kafka"
PLAIN_PASSWORD = "plain-password"


class TokenServer:
    """An OAuth 2 server of client credentials; the secret of each client is its id."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.life_seconds = 3600
        self.audience = AUDIENCE
        self.answered = 0
        self.scopes: list[str] = []
        self._server = ThreadingHTTPServer((HOST, 0), type("Handler", (_Handler,), {"tokens": self}))
        self.url = f"http://{HOST}:{self._server.server_address[1]}/token"

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def key_set(self) -> str:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return json.dumps({"keys": [{**public, "kid": "one", "alg": "RS256", "use": "sig"}]})

    def token(self, client: str) -> str:
        now = int(time.time())
        claims = {"iss": "tests", "sub": client, "aud": self.audience, "iat": now, "exp": now + self.life_seconds}
        return jwt.encode({**claims, "scope": "kafka"}, self.key, "RS256", headers={"kid": "one"})


class _Handler(BaseHTTPRequestHandler):
    tokens: TokenServer

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        words = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        client, _, secret = words.partition(":")
        assert form["grant_type"] == ["client_credentials"]
        self.tokens.scopes += form.get("scope", [])
        if client != secret:
            self._answer(401, {"error": "invalid_client"})
            return
        self.tokens.answered += 1
        life = self.tokens.life_seconds
        self._answer(200, {"access_token": self.tokens.token(client), "expires_in": life, "token_type": "Bearer"})

    def _answer(self, status: int, fields: Mapping[str, object]) -> None:
        body = json.dumps(fields).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


class ManyEntries(LocalKafka):
    """Beside SCRAM: `certificate_entry`, `token_entry` and `plain_entry` are the settings of its superuser."""

    def __init__(self, data_dir: Path, tokens: TokenServer) -> None:
        super().__init__(data_dir, secured=True, authorizer=True)
        self.tokens = tokens
        self.authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self._ports: dict[str, int] = {}

    def certificate(self, name: str, authority: trustme.CA | None = None, **life: Any) -> tuple[Path, Path]:
        """The files of a certificate for clients and of its key."""
        made = (authority or self.authority).issue_cert(f"{name}@tests", common_name=name, **life)
        folder = self.folder.parent / "certificates"
        folder.mkdir(exist_ok=True)
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        key.write_bytes(made.private_key_pem.bytes())
        return certificate, key

    def certificate_entry(self, certificate: Path, key: Path) -> dict[str, Any]:
        files = {"kafka_certificate_file": certificate, "kafka_key_file": key}
        return {**self._at("certificates"), "kafka_security_protocol": "SSL", **files}

    def token_entry(self, client: str = USER) -> dict[str, Any]:
        given = {"kafka_username": client, "kafka_password": client, "kafka_token_url": self.tokens.url}
        return {
            **self._at("tokens"),
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "OAUTHBEARER",
            **given,
        }

    def plain_entry(self) -> dict[str, Any]:
        given = {"kafka_username": USER, "kafka_password": PLAIN_PASSWORD}
        return {"brokers": f"{HOST}:{self._ports['passwords']}", "kafka_security_protocol": "SASL_PLAINTEXT", **given}

    def _at(self, listener: str) -> dict[str, Any]:
        assert self.security
        return {"brokers": f"{HOST}:{self._ports[listener]}", "kafka_ca_file": self.security.ca_file}

    @override
    def _further_settings(self, controller_port: int) -> str:
        self._ports = {name: choose_port(0, "test") for name in ("certificates", "tokens", "passwords")}
        (self.folder / "clients.pem").write_bytes(self.authority.cert_pem.bytes())
        self._key_set.write_text(self.tokens.key_set())
        self.owner_files = self.certificate("owner")
        return _SETTINGS.format(
            controller_port=controller_port,
            user=USER,
            own=f"SASL_SSL://{HOST}:{self.port}",
            listeners=",".join(f"{name.upper()}://{HOST}:{port}" for name, port in self._ports.items()),
            owner=str(certificate_name(self.owner_files[0])).replace("\\", "\\\\"),
            keys=self._key_set.as_uri(),
            audience=AUDIENCE,
            password=PLAIN_PASSWORD,
        )

    @override
    def _java_options(self) -> list[str]:
        return [f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={self._key_set.as_uri()}"]

    @property
    def _key_set(self) -> Path:
        return self.folder / "keys.json"


_SECURITY = "org.apache.kafka.common.security"
_SETTINGS = f"""\
listeners={{own}},{{listeners}},CONTROLLER://{HOST}:{{controller_port}}
advertised.listeners={{own}},{{listeners}}
listener.security.protocol.map=\
SASL_SSL:SASL_SSL,CONTROLLER:SASL_SSL,CERTIFICATES:SSL,TOKENS:SASL_SSL,PASSWORDS:SASL_PLAINTEXT
super.users=User:{{user}};User:controller;User:{{owner}}
listener.name.certificates.ssl.client.auth=required
listener.name.certificates.ssl.truststore.location=clients.pem
listener.name.certificates.ssl.truststore.type=PEM
listener.name.passwords.sasl.enabled.mechanisms=PLAIN
listener.name.passwords.plain.sasl.jaas.config=\
{_SECURITY}.plain.PlainLoginModule required user_{{user}}="{{password}}";
listener.name.tokens.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.tokens.oauthbearer.sasl.server.callback.handler.class=\
{_SECURITY}.oauthbearer.OAuthBearerValidatorCallbackHandler
listener.name.tokens.oauthbearer.sasl.jaas.config={_SECURITY}.oauthbearer.OAuthBearerLoginModule required;
sasl.oauthbearer.jwks.endpoint.url={{keys}}
sasl.oauthbearer.expected.audience={{audience}}
"""
