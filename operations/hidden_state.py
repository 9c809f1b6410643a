"""Finds the partitions whose newest state a transaction hides."""

from typing import Final

from streams.kafka.clients import unreachable_after
from streams.kafka.metadata import existing_topic
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.hidden_state import hidden_state
from streams.worker.offset_queries import OffsetQueries

__all__ = ["read_hidden_state"]

_ANSWER_SECONDS: Final = 8.0
#: Most flushes end within it. One that waits through the failover of a broker or a worker does not, and so short a look
#: cannot tell it from a transaction that never ends.
_FLUSH_SECONDS: Final = 2.0


async def read_hidden_state(settings: Settings, patience_seconds: float = _FLUSH_SECONDS) -> list[str]:
    """A sentence for each partition whose state a transaction hides that has not ended after so many seconds: what is
    seen, then what to do. Raises Unreachable."""
    topic_name, offsets = settings.topic(Topic.CONTROLLER_STATE), OffsetQueries(settings)
    async with unreachable_after(settings, _ANSWER_SECONDS + patience_seconds):
        try:
            await offsets.start()
            topic = await existing_topic(offsets.client, topic_name)
            hidden = await hidden_state(offsets, range(topic.partitions), patience_seconds)
        finally:
            await offsets.stop()
    return [_sentence(topic_name, number, offset, patience_seconds) for number, offset in sorted(hidden.items())]


def _sentence(topic: str, number: int, offset: int, seconds: float) -> str:
    return (
        f"{topic}, partition {number}, has had a transaction open from offset {offset} on for more than "
        f"{seconds:.0f} s: an ordinary flush ends within a minute. If it is still open then, partition {number} "
        'decides nothing, and docs/disaster-recovery.md, "A transaction that does not end", has the steps that end it.'
    )
