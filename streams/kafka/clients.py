"""Timeouts for requests of Kafka clients, and their errors translated into ours."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.kafka.failures import explained
from streams.settings import Settings

__all__ = ["OpenedClient", "close_within_seconds", "explaining", "unreachable_after"]

_CLOSING_SECONDS: Final = 1.0


class OpenedClient(ABC):
    """An async context manager that calls `open` and `close`; it closes also when opening fails."""

    @abstractmethod
    async def open(self) -> None: ...

    @abstractmethod
    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@asynccontextmanager
async def unreachable_after(settings: Settings, seconds: float, *, operation: str = "") -> AsyncIterator[None]:
    """Raise an error of ours when a request inside fails or takes longer; `operation` is the right that it needs."""
    async with explaining(settings, operation), asyncio.timeout(seconds):
        yield


@asynccontextmanager
async def explaining(settings: Settings, operation: str = "") -> AsyncIterator[None]:
    """Translate errors of aiokafka and sockets that are raised inside into ours, whose messages say what to do."""
    try:
        yield
    except (KafkaError, OSError) as error:  # TimeoutError is an OSError
        raise await explained(error, settings, operation) from error


async def close_within_seconds(producer: AIOKafkaProducer) -> None:
    """Close the producer within about two seconds, also when the broker is away; nothing is sent afterwards."""
    for close in (producer.stop, producer._sender.close):  # what stops in time has closed the sender
        with suppress(TimeoutError, KafkaError, OSError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await close()
    await producer.client.close()
