"""Publishes planned records in order, as fast as the broker takes them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from simulation.traffic import PlannedRecord
from streams.kafka.batch_sending import BatchSender, batch_sender
from streams.kafka.sending import NewRecord
from streams.settings import Settings

__all__ = ["PlanPublisher", "plan_publisher"]


@asynccontextmanager
async def plan_publisher(settings: Settings) -> AsyncIterator["PlanPublisher"]:
    async with batch_sender(settings) as sender:
        yield PlanPublisher(settings, sender)


class PlanPublisher:
    """Publishes records. Each method raises TooLarge or Unreachable when any record added before could not be sent."""

    def __init__(self, settings: Settings, sender: BatchSender) -> None:
        self._settings = settings
        self._sender = sender

    async def add(self, record: PlannedRecord) -> None:
        topic = self._settings.topic(record.topic)
        await self._sender.add(NewRecord(topic, record.partition, record.key, record.value, timestamp_ms=record.at))

    async def flush(self) -> None:
        """Send everything that was added so far before anything that is added later."""
        await self._sender.submit()

    async def finish(self) -> None:
        """Return when the broker has everything."""
        await self._sender.finish()
