"""Java properties with which Kafka's own tools connect to the cluster of `Settings`."""

import os
import tempfile
from typing import Final

from streams.settings import Settings

__all__ = ["client_properties", "inheritable_file"]

_PACKAGE: Final = "org.apache.kafka.common.security"


def client_properties(settings: Settings) -> str | None:
    """The text of a properties file; None for a cluster without TLS and without passwords."""
    protocol = settings.kafka_security_protocol
    if protocol == "PLAINTEXT":
        return None
    properties = {"security.protocol": protocol}
    if protocol.startswith("SASL"):
        assert settings.kafka_username and settings.kafka_password  # Settings refuses SASL without them
        module = "plain.PlainLoginModule" if settings.kafka_sasl_mechanism == "PLAIN" else "scram.ScramLoginModule"
        user = f"username={_quoted(settings.kafka_username)}"
        password = f"password={_quoted(settings.kafka_password.get_secret_value())}"
        properties["sasl.mechanism"] = settings.kafka_sasl_mechanism
        properties["sasl.jaas.config"] = f"{_PACKAGE}.{module} required {user} {password};"
    if protocol.endswith("SSL") and settings.kafka_ca_file is not None:
        properties["ssl.truststore.type"] = "PEM"
        properties["ssl.truststore.location"] = str(settings.kafka_ca_file.absolute())
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


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
