"""The topics that the ledger reads."""

from typing import Final

from streams.kafka.topics import Topic

__all__ = ["READ"]

READ: Final = (
    Topic.SPEND_EVENTS,
    Topic.CAMPAIGN_CONTROL,
    Topic.CONTROL_ACKS,
    Topic.DEAD_LETTERS,
    Topic.SPEND_CORRECTIONS,
)
