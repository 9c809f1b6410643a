"""Options of Kafka clients for address, security and authentication, as each library names them."""

import logging
from pathlib import Path
from typing import Any, Final

from streams.kafka import (
    cancelled_fetches,
    closing,
    fetch_codec,
    lost_connections,
    missing_leaders,
    rebootstrap,
    silent_brokers,
    tokens,
    undescribed_topics,
)
from streams.kafka.certificates import tls_context
from streams.kafka.iam_tokens import iam_token_provider
from streams.kafka.record_batches import install as install_decoder
from streams.kafka.tokens import token_provider
from streams.setting_kinds import Secret
from streams.settings import SETTINGS, Settings

__all__ = [
    "ENTRY_SETTINGS",
    "METADATA_MS",
    "client_options",
    "consumer_options",
    "entry_environment",
    "librdkafka_options",
]

#: How old what a consumer knows of topics may be. Where the one that assigns the partitions of its group joins while a
#: broker begins, it knows none of them yet, and assigns none: nobody reads until it asks again.
METADATA_MS: Final = 5_000

# Here, because every client of ours is made with the options of this module.
install_decoder()
rebootstrap.install()
cancelled_fetches.install()
closing.install()
fetch_codec.install()
lost_connections.install()
missing_leaders.install()
silent_brokers.install()
tokens.install()
undescribed_topics.install()


def client_options(settings: Settings) -> dict[str, Any]:
    """The keywords that aiokafka's consumer, producer, admin and plain client have in common."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.brokers,
        "client_id": settings.kafka_client_id,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.uses_sasl:
        options["sasl_mechanism"] = _mechanism(settings)
        if settings.uses_tokens:
            options["sasl_oauth_token_provider"] = token_provider(settings)
        elif settings.uses_iam:
            options["sasl_oauth_token_provider"] = iam_token_provider(settings)
        else:
            options["sasl_plain_username"] = settings.kafka_username
            options["sasl_plain_password"] = _password(settings)
    if settings.uses_tls:
        options["ssl_context"] = tls_context(settings)
    return options


def consumer_options(settings: Settings) -> dict[str, Any]:
    """The keywords of an aiokafka consumer that may read from the replica in its own rack, which lags behind the
    leader."""
    rack = {} if settings.kafka_client_rack is None else {"client_rack": settings.kafka_client_rack}
    return client_options(settings) | rack | {"metadata_max_age_ms": METADATA_MS}


def librdkafka_options(settings: Settings) -> dict[str, Any]:
    """The options of librdkafka's consumer, producer and admin. Its log lines are delivered when the client is
    polled."""
    options: dict[str, Any] = {
        "bootstrap.servers": settings.brokers,
        "client.id": settings.kafka_client_id,
        "security.protocol": settings.kafka_security_protocol,
        "logger": logging.getLogger("librdkafka"),  # it would write to stderr by itself
    }
    if settings.uses_sasl:
        options["sasl.mechanism"] = _mechanism(settings)
        if settings.uses_tokens:
            options |= _tokens_of_librdkafka(settings)
        elif settings.uses_iam:
            provider = iam_token_provider(settings)
            options["oauth_cb"] = lambda _: provider.current()
        else:
            options["sasl.username"] = settings.kafka_username
            options["sasl.password"] = _password(settings)
    if settings.uses_tls:
        options |= _certificates_of_librdkafka(settings)
    return options


def _mechanism(settings: Settings) -> str:
    """The name of the SASL mechanism in the protocol: MSK takes its IAM tokens by OAUTHBEARER."""
    return "OAUTHBEARER" if settings.uses_iam else settings.kafka_sasl_mechanism


def _password(settings: Settings) -> str:
    assert settings.kafka_password is not None  # Settings refuses SASL without one
    return settings.kafka_password.text


def _tokens_of_librdkafka(settings: Settings) -> dict[str, Any]:
    """Options by which librdkafka fetches tokens, in a thread of its own, before the old ones expire."""
    options = {
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": settings.kafka_token_url,
        "sasl.oauthbearer.client.id": settings.kafka_username,
        "sasl.oauthbearer.client.secret": _password(settings),
        "sasl.oauthbearer.scope": settings.kafka_token_scope,
        "sasl.oauthbearer.extensions": settings.kafka_token_extensions or None,
        "https.ca.location": str(settings.kafka_token_ca_file) if settings.kafka_token_ca_file else None,
    }
    return {name: value for name, value in options.items() if value is not None}


def _certificates_of_librdkafka(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if settings.kafka_ca_file is not None:
        options["ssl.ca.location"] = str(settings.kafka_ca_file)
    if settings.kafka_certificate_file is not None:
        options["ssl.certificate.location"] = str(settings.kafka_certificate_file)
        options["ssl.key.location"] = str(settings.kafka_key_file or settings.kafka_certificate_file)
        if settings.kafka_key_password is not None:
            options["ssl.key.password"] = settings.kafka_key_password.text
    return options


#: The settings by which a client enters a cluster; a secret that came from a file stays in it.
ENTRY_SETTINGS: Final = tuple(name for name in SETTINGS if name.startswith("kafka_"))


def entry_environment(settings: Settings) -> dict[str, str]:
    """The variables by which a process that we start finds and enters the same cluster."""
    environment = {"SPENDGATE_BROKERS": settings.brokers}
    for name in ENTRY_SETTINGS:
        value = getattr(settings, name)
        if value is None or value == "" or (name == "kafka_client_id" and name not in settings.given):
            continue
        if isinstance(value, Secret):
            if getattr(settings, f"{name}_file") is not None:
                continue
            value = value.text
        environment[f"SPENDGATE_{name.upper()}"] = str(value.absolute() if isinstance(value, Path) else value)
    return environment
