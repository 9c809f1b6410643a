"""The last commands of a brand or a campaign: those received by this process, and older ones from the journal."""

import asyncio
from typing import Final

from console.live.command_feed import ReceivedCommand, in_order
from console.server.services import Services
from core.errors import Unreachable
from models.queries.commands import list_commands
from models.session import session_scope
from streams.kafka.codec import decode_command

__all__ = ["SHOWN", "merged", "newest_received", "recent"]

SHOWN: Final = 20


async def recent(
    services: Services, *, brand_id: str | None = None, campaign_id: str | None = None
) -> list[ReceivedCommand]:
    """The last commands, newest first, at most SHOWN. The journal may lag; the commands in memory begin with this
    process."""
    received = newest_received(services, SHOWN, brand_id=brand_id, campaign_id=campaign_id)
    if len(received) == SHOWN:
        return received
    written = await asyncio.to_thread(_journaled, services.settings.database, brand_id, campaign_id)
    return merged(written, received)


def merged(*lists: list[ReceivedCommand]) -> list[ReceivedCommand]:
    """Each command once, newest first, at most SHOWN."""
    found = {received.command.command_id: received for commands in lists for received in commands}
    return sorted(found.values(), key=in_order, reverse=True)[:SHOWN]


def newest_received(
    services: Services, count: int, *, brand_id: str | None = None, campaign_id: str | None = None
) -> list[ReceivedCommand]:
    """The newest commands in memory; none while the topic of commands is not followed."""
    try:
        return services.broadcaster.commands.newest(count, brand_id=brand_id, campaign_id=campaign_id)
    except Unreachable:
        return []


def _journaled(url: str, brand_id: str | None, campaign_id: str | None) -> list[ReceivedCommand]:
    with session_scope(url) as session:
        rows = list_commands(session, brand_id=brand_id, campaign_id=campaign_id, limit=SHOWN).rows
        return [
            ReceivedCommand(decode_command(it.command.value), it.command.partition, it.command.record_offset)
            for it in rows
        ]
