"""Options of Kafka clients for address, security and authentication, as each library names them."""

import logging
import ssl
from pathlib import Path
from typing import Any

from aiokafka.helpers import create_ssl_context

from core.errors import ConfigurationError
from streams.kafka import closing, lost_connections, rebootstrap
from streams.kafka.record_batches import install as install_decoder
from streams.settings import Settings

__all__ = ["client_options", "entry_environment", "librdkafka_options"]

# Here, because every client of ours is made with the options of this module.
install_decoder()
rebootstrap.install()
closing.install()
lost_connections.install()


def client_options(settings: Settings) -> dict[str, Any]:
    """The keywords that aiokafka's consumer, producer, admin and plain client have in common."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.brokers,
        "client_id": "spendgate",
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        assert settings.kafka_password is not None  # Settings refuses SASL without one
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_username
        options["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = _trusting(settings.kafka_ca_file)
    return options


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context: ssl.SSLContext = create_ssl_context(cafile=ca_file)
        return context
    except OSError as error:  # as TLS's own errors are
        why = error.strerror or error
        raise ConfigurationError(
            f"SPENDGATE_KAFKA_CA_FILE, {ca_file}, is no file of certificates ({why}): name one in PEM."
        ) from error


def librdkafka_options(settings: Settings) -> dict[str, Any]:
    """The same for librdkafka's consumer, producer and admin. Its log lines are delivered when the client is polled."""
    options: dict[str, Any] = {
        "bootstrap.servers": settings.brokers,
        "client.id": "spendgate",
        "security.protocol": settings.kafka_security_protocol,
        "logger": logging.getLogger("librdkafka"),  # it would write to stderr by itself
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        assert settings.kafka_password is not None  # Settings refuses SASL without one
        options["sasl.mechanism"] = settings.kafka_sasl_mechanism
        options["sasl.username"] = settings.kafka_username
        options["sasl.password"] = settings.kafka_password.get_secret_value()
    if settings.kafka_security_protocol.endswith("SSL") and settings.kafka_ca_file is not None:
        options["ssl.ca.location"] = str(settings.kafka_ca_file)
    return options


def entry_environment(settings: Settings) -> dict[str, str]:
    """The environment variables that give a child process the same address and authentication."""
    environment = {
        "SPENDGATE_BROKERS": settings.brokers,
        "SPENDGATE_KAFKA_SECURITY_PROTOCOL": settings.kafka_security_protocol,
        "SPENDGATE_KAFKA_SASL_MECHANISM": settings.kafka_sasl_mechanism,
    }
    if settings.kafka_username is not None:
        environment["SPENDGATE_KAFKA_USERNAME"] = settings.kafka_username
    if settings.kafka_password_file is not None:
        environment["SPENDGATE_KAFKA_PASSWORD_FILE"] = str(settings.kafka_password_file.absolute())
    elif settings.kafka_password is not None:
        environment["SPENDGATE_KAFKA_PASSWORD"] = settings.kafka_password.get_secret_value()
    if settings.kafka_ca_file is not None:
        environment["SPENDGATE_KAFKA_CA_FILE"] = str(settings.kafka_ca_file.absolute())
    return environment
