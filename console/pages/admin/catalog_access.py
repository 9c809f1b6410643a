"""Reads and edits the catalog for a page, in a thread."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from console.rendering.flash import SAVED
from console.server.catalog_edit import edit_catalog
from console.server.services import Services
from models.queries.catalog import get_brand, get_campaign
from models.session import session_scope
from models.tables.brand import Brand
from models.tables.campaign import Campaign

__all__ = ["campaign_and_brand", "edit", "read_catalog"]

_Found = TypeVar("_Found")
_Row = TypeVar("_Row", bound=Brand | Campaign)


async def read_catalog(services: Services, read: Callable[[Session], _Found]) -> _Found:
    """The result of `read` in one transaction; raises DatabaseAway."""
    services.need_database()

    def in_transaction() -> _Found:
        with session_scope(services.settings.database) as session:
            return read(session)

    return await asyncio.to_thread(in_transaction)


async def campaign_and_brand(services: Services, campaign_id: str) -> tuple[Campaign, Brand]:
    """Raises RowNotFound."""

    def read(session: Session) -> tuple[Campaign, Brand]:
        campaign = get_campaign(session, campaign_id)
        return campaign, get_brand(session, campaign.brand_id)

    return await read_catalog(services, read)


async def edit(services: Services, change: Callable[[Session], list[_Row]]) -> str:
    """Commits the change and waits for the broker. Returns the word of the flash message: "saved", or "kept" where the
    broker has not answered in time; the change is committed all the same."""
    _, why_not_published = await edit_catalog(services, change)
    return SAVED if why_not_published is None else "kept"
