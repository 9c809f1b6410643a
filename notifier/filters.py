"""Which messages a channel wants."""

from typing import Final

from core.moment import SECOND, Moment
from models.tables.channel import Channel
from notifier.messages import Message, Source

__all__ = ["wants"]

#: A channel gets what came before it was added by no more than this, in which the clocks of Kafka and PostgreSQL may
#: differ: a backlog of days is not for a new channel.
_CLOCK_TOLERANCE_MS: Final = 60 * SECOND


def wants(channel: Channel, message: Message, arrived_at: Moment) -> bool:
    """Whether the channel wants the message. An empty filter passes all; commands pass where its `commands` is true."""
    if arrived_at < channel.created_at - _CLOCK_TOLERANCE_MS:
        return False
    if channel.brand_ids and message.brand_id not in channel.brand_ids:
        return False
    if message.source is Source.COMMAND:
        return channel.commands
    return _passes(channel.alert_kinds, message.alert_kind) and _passes(channel.severities, message.severity)


def _passes(wanted: list[str], value: str | None) -> bool:
    return not wanted or value in wanted
