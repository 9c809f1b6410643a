"""The last commands of a brand or a campaign: those that were heard, and before them those of the journal."""

import asyncio
from typing import Final

from console.api.services import Services
from console.live.commands import Told, order_told
from models.command_reads import list_commands
from models.session import session_scope
from streams.errors import Unreachable
from streams.records import decode_command

__all__ = ["SHOWN", "recent"]

SHOWN: Final = 20


async def recent(services: Services, *, brand_id: str | None = None, campaign_id: str | None = None) -> list[Told]:
    """Newest first. The journal may be a moment behind, the memory begins with this process."""
    heard = _heard(services, brand_id, campaign_id)
    if len(heard) == SHOWN:
        return heard
    written = await asyncio.to_thread(_journaled, services.settings.database, brand_id, campaign_id)
    both = {told.command.command_id: told for told in [*written, *heard]}
    return sorted(both.values(), key=order_told, reverse=True)[:SHOWN]


def _heard(services: Services, brand_id: str | None, campaign_id: str | None) -> list[Told]:
    try:
        return services.hub.commands.newest(SHOWN, brand_id=brand_id, campaign_id=campaign_id)
    except Unreachable:
        return []


def _journaled(url: str, brand_id: str | None, campaign_id: str | None) -> list[Told]:
    with session_scope(url) as session:
        rows = list_commands(session, brand_id=brand_id, campaign_id=campaign_id, limit=SHOWN).rows
        return [Told(decode_command(it.command.value), it.command.partition, it.command.record_offset) for it in rows]
