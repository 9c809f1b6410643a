"""Reading and editing the catalog for a page, off the event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from console.api.catalog_edit import edit_catalog
from console.api.services import Services
from models.brand import Brand
from models.campaign import Campaign
from models.catalog_reads import get_brand, get_campaign
from models.session import session_scope

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
    """With the catalog's own functions; returns when the broker has it, or has been waited for. The word is one of
    `said`: an edit that is saved stays saved when the broker then goes away."""
    _, why_not_published = await edit_catalog(services, act)
    return "saved" if why_not_published is None else "kept"
