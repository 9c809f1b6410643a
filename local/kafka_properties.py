"""Java properties with which Kafka's own tools connect to the cluster of `Settings`."""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from core.errors import ConfigurationError
from streams.settings import Settings

__all__ = ["client_properties", "inheritable_file"]

_PACKAGE: Final = "org.apache.kafka.common.security"


def client_properties(settings: Settings) -> str | None:
    """The text of a properties file; None for a cluster without TLS and without passwords."""
    protocol = settings.kafka_security_protocol
    if protocol == "PLAINTEXT":
        return None
    properties = {"security.protocol": protocol}
    if settings.uses_sasl:
        properties |= _sasl(settings)
    if settings.uses_tls and settings.kafka_ca_file is not None:
        properties["ssl.truststore.type"] = "PEM"
        properties["ssl.truststore.location"] = str(settings.kafka_ca_file.absolute())
    if settings.kafka_certificate_file is not None:
        properties |= _certificate(settings, settings.kafka_certificate_file)
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


def _sasl(settings: Settings) -> dict[str, str]:
    """Raises ConfigurationError for AWS_MSK_IAM, which Java's clients take by a library of AWS alone."""
    if settings.uses_iam:
        raise ConfigurationError(
            "Kafka's tools sign no AWS tokens by themselves: use an installation of Kafka that has AWS's "
            "aws-msk-iam-auth beside its jars."
        )
    assert settings.kafka_username and settings.kafka_password  # Settings refuses SASL without them
    name, secret = settings.kafka_username, settings.kafka_password.text
    properties = {"sasl.mechanism": settings.kafka_sasl_mechanism}
    if not settings.uses_tokens:
        module = "plain.PlainLoginModule" if settings.kafka_sasl_mechanism == "PLAIN" else "scram.ScramLoginModule"
        return properties | {"sasl.jaas.config": _jaas(module, {"username": name, "password": secret})}
    assert settings.kafka_token_url  # as above
    properties["sasl.login.callback.handler.class"] = f"{_PACKAGE}.oauthbearer.OAuthBearerLoginCallbackHandler"
    properties["sasl.oauthbearer.token.endpoint.url"] = settings.kafka_token_url
    if settings.kafka_token_scope:
        properties["sasl.oauthbearer.scope"] = settings.kafka_token_scope
    extensions = dict(one.split("=", 1) for one in settings.kafka_token_extensions.split(",") if one)
    options = {"clientId": name, "clientSecret": secret} | {f"extension_{key}": it for key, it in extensions.items()}
    if settings.kafka_token_scope:
        options["scope"] = settings.kafka_token_scope
    if settings.kafka_token_ca_file is not None:
        options |= {"ssl.truststore.type": "PEM"}
        options |= {"ssl.truststore.location": str(settings.kafka_token_ca_file.absolute())}
    return properties | {"sasl.jaas.config": _jaas("oauthbearer.OAuthBearerLoginModule", options)}


def _jaas(module: str, options: Mapping[str, str]) -> str:
    written = " ".join(f"{key}={_quoted(value)}" for key, value in options.items())
    return f"{_PACKAGE}.{module} required {written};"


def _certificate(settings: Settings, certificate: Path) -> dict[str, str]:
    """The texts themselves: of files, Java takes certificate and key in one alone."""
    properties = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": _blocks(certificate, "CERTIFICATE"),
        "ssl.keystore.key": _blocks(settings.kafka_key_file or certificate, "PRIVATE KEY"),
    }
    if settings.kafka_key_password is not None:
        properties["ssl.key.password"] = settings.kafka_key_password.text
    return properties


def _blocks(path: Path, kind: str) -> str:
    """The PEM blocks of a kind. Raises ConfigurationError for a key that Java does not read."""
    text = path.read_text(encoding="ascii", errors="replace")
    found = re.findall(rf"-----BEGIN [A-Z ]*{kind}-----.*?-----END [A-Z ]*{kind}-----", text, re.DOTALL)
    if kind == "PRIVATE KEY" and found and not re.match("-----BEGIN (ENCRYPTED )?PRIVATE KEY", found[0]):
        raise ConfigurationError(
            f"Kafka's tools read no key as that in {path}: convert it with `openssl pkcs8 -topk8 -in {path}`, and set "
            "SPENDGATE_KAFKA_KEY_FILE to what that writes."
        )
    return "\n".join(found)


def inheritable_file(text: str) -> str:
    """The /dev/fd path of an unnamed temporary file: readable by this process and by the program that replaces it, and
    gone when they end."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode("ascii"))
        file.flush()
        descriptor = os.dup(file.fileno())
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.set_inheritable(descriptor, True)
    return f"/dev/fd/{descriptor}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(text: str) -> str:
    """Java reads such a file as Latin-1, and takes a backslash for the beginning of an escape."""
    return "".join(_escaped_character(character) for character in text)


def _escaped_character(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if " " <= character <= "~":
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
