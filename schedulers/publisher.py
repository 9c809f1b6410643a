"""Publishes a message to every partition of its topic and waits for the acks."""

from collections.abc import Sequence
from typing import Final

from core.errors import ConfigurationError
from schedulers.messages import ScheduledMessage
from streams.kafka.clients import unreachable_after
from streams.kafka.metadata import topic_facts
from streams.kafka.sending import NewRecord, RecordSender
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["Publisher", "publish"]

#: A broker that has not acknowledged for so long is away.
_PATIENCE_SECONDS: Final = 6


async def publish(settings: Settings, messages: Sequence[ScheduledMessage]) -> None:
    """Publish once, for a command line, within ten seconds."""
    publisher = Publisher(settings)
    try:
        await publisher.send(messages)
    finally:
        await publisher.close()


class Publisher:
    """Publishes with a producer that is closed at the first error. What it may still send later does no harm, because
    ticks and resets may be repeated and come in any order."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender: RecordSender | None = None

    async def send(self, messages: Sequence[ScheduledMessage]) -> None:
        """Returns when all in-sync replicas of every partition have all messages; else raises and has closed."""
        try:
            async with unreachable_after(self._settings, _PATIENCE_SECONDS, operation="Write"):
                await self._send(await self._opened(), messages)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the producer, within about a second also when the broker is away."""
        sender, self._sender = self._sender, None
        if sender is not None:
            await sender.close()

    async def _opened(self) -> RecordSender:
        if self._sender is None:
            self._sender = RecordSender(self._settings, answer_seconds=_PATIENCE_SECONDS)
            await self._sender.open()
        return self._sender

    async def _send(self, sender: RecordSender, messages: Sequence[ScheduledMessage]) -> None:
        partitions = await self._partitions(sender, {topic for topic, _ in messages})
        records = [
            NewRecord(self._settings.topic(topic), partition, None, value)
            for topic, value in messages
            for partition in range(partitions[topic])
        ]
        for outcome in await sender.outcomes(records):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _partitions(self, sender: RecordSender, topics: set[Topic]) -> dict[Topic, int]:
        """The partition counts as the broker has them now: a partition that was left out would get no ticks."""
        names = {topic: self._settings.topic(topic) for topic in topics}
        facts = await topic_facts(sender.client, list(names.values()))
        for name in names.values():
            if name not in facts:
                raise ConfigurationError(f"The topic {name} is not there: run `spendgate topics create`.")
        return {topic: facts[name].partitions for topic, name in names.items()}
