"""How every Kafka client of ours finds and enters the cluster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context

from streams.errors import Unreachable
from streams.settings import Settings

__all__ = ["answering", "client_options", "let_go"]

_CLOSING_SECONDS: Final = 1.0


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
        cafile = None if settings.kafka_ca_file is None else str(settings.kafka_ca_file)
        options["ssl_context"] = create_ssl_context(cafile=cafile)
    return options


@asynccontextmanager
async def answering(settings: Settings, seconds: float) -> AsyncIterator[None]:
    """Whatever is asked inside is answered in time, or the broker counts as away."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unreachable(
            f"No Kafka broker answers at {settings.brokers}: start one with `spendgate up`, or set SPENDGATE_BROKERS."
        ) from error


async def let_go(producer: AIOKafkaProducer) -> None:
    """Close it. Never waits long for a broker that is away, and leaves nothing behind that might still be sent."""
    for close in (producer.stop, producer._sender.close):  # what stops in time has closed the sender
        with suppress(TimeoutError, KafkaError, OSError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await close()
    await producer.client.close()
