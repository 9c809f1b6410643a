"""Reading and editing the catalog for a page, off the event loop."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from sqlalchemy.orm import Session

from console.api.services import Services
from console.catalog_mirror import CatalogMirror
from models.brand import Brand
from models.campaign import Campaign
from models.catalog_reads import get_brand, get_campaign
from models.errors import DatabaseAway
from models.session import session_scope
from schedulers.relay import wait_until_published
from streams.errors import Unreachable

__all__ = ["campaign_and_brand", "edit", "look"]

_Found = TypeVar("_Found")
_Row = TypeVar("_Row", Brand, Campaign)


async def look(services: Services, read: Callable[[Session], _Found]) -> _Found:
    """In one transaction."""
    services.need_database()

    def in_transaction() -> _Found:
        with session_scope(services.settings.database) as session:
            return read(session)

    return await asyncio.to_thread(in_transaction)


async def campaign_and_brand(services: Services, campaign_id: str) -> tuple[Campaign, Brand]:
    """Or NotFound."""

    def read(session: Session) -> tuple[Campaign, Brand]:
        campaign = get_campaign(session, campaign_id)
        return campaign, get_brand(session, campaign.brand_id)

    return await look(services, read)


async def edit(services: Services, act: Callable[[Session], list[_Row]]) -> str:
    """In one transaction, with the catalog's own functions; returns when the broker has it, or has been waited for.

    The word is one of `said`: an edit that is saved stays saved when the broker then goes away. Nothing is begun while
    Kafka or PostgreSQL is known to be away.
    """
    services.need_broker_and_database()
    rows = await look(services, act)
    with suppress(DatabaseAway):
        _tell(services.catalog, rows)
    try:
        await wait_until_published(services.settings, services.relay)
    except Unreachable:
        return "kept"
    return "saved"


def _tell(mirror: CatalogMirror, rows: Sequence[Brand | Campaign]) -> None:
    """So that the next page shows what was edited; the mirror hears of it anyway, a moment later."""
    for row in rows:
        if isinstance(row, Brand):
            mirror.take_brand(row)
        else:
            mirror.take_campaign(row)
