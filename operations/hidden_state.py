"""Finds the partitions that decide nothing because a transaction hides their state."""

from typing import Final

from streams.kafka.clients import unreachable_after
from streams.kafka.metadata import existing_topic
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.hidden_state import hidden_state, hidden_state_sentence
from streams.worker.offset_queries import OffsetQueries

__all__ = ["read_hidden_state"]

_ANSWER_SECONDS: Final = 8.0
#: A flush that takes longer is no ordinary one.
_FLUSH_SECONDS: Final = 2.0


async def read_hidden_state(settings: Settings) -> list[str]:
    """A sentence for each partition whose state a transaction hides. Raises Unreachable."""
    offsets = OffsetQueries(settings)
    async with unreachable_after(settings, _ANSWER_SECONDS):
        try:
            await offsets.start()
            topic = await existing_topic(offsets.client, settings.topic(Topic.CONTROLLER_STATE))
            hidden = await hidden_state(offsets, range(topic.partitions), _FLUSH_SECONDS)
        finally:
            await offsets.stop()
    return [hidden_state_sentence(number, offset, settings) for number, offset in sorted(hidden.items())]
