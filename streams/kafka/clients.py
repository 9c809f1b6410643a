"""Bounds on what Kafka clients wait for, and their errors as ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.kafka.failures import explained
from streams.settings import Settings

__all__ = ["close_within_seconds", "explaining", "unreachable_after"]

_CLOSING_SECONDS: Final = 1.0


@asynccontextmanager
async def unreachable_after(settings: Settings, seconds: float, *, operation: str = "") -> AsyncIterator[None]:
    """Raise an error of ours when a request inside fails or takes longer; `operation` is the right that it needs."""
    async with explaining(settings, operation), asyncio.timeout(seconds):
        yield


@asynccontextmanager
async def explaining(settings: Settings, operation: str = "") -> AsyncIterator[None]:
    """What fails inside is raised as one of our own errors, whose message says what to do."""
    try:
        yield
    except (KafkaError, OSError) as error:  # TimeoutError is an OSError
        raise await explained(error, settings, operation) from error


async def close_within_seconds(producer: AIOKafkaProducer) -> None:
    """Close it. Never waits long for a broker that is away, and leaves nothing behind that might still be sent."""
    for close in (producer.stop, producer._sender.close):  # what stops in time has closed the sender
        with suppress(TimeoutError, KafkaError, OSError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await close()
    await producer.client.close()
