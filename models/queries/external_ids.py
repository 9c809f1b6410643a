"""Finding campaigns by the id that they have at a platform, and what a snapshot is checked by."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.tables.brand import Brand
from models.tables.campaign import Campaign

__all__ = ["CampaignIds", "brands_by_id", "campaigns_by_external_id"]


class CampaignIds(NamedTuple):
    brand_id: str
    campaign_id: str


def campaigns_by_external_id(session: Session, external_ids: Collection[str]) -> dict[str, list[CampaignIds]]:
    """All campaigns that have one of them, archived ones too, by id; an external_id of no campaign is left out."""
    query = (
        select(Campaign.external_id, Campaign.brand_id, Campaign.campaign_id)
        .where(Campaign.external_id.in_(external_ids))
        .order_by(Campaign.campaign_id)
    )
    found: dict[str, list[CampaignIds]] = {}
    for external_id, brand_id, campaign_id in session.execute(query):
        found.setdefault(str(external_id), []).append(CampaignIds(brand_id, campaign_id))
    return found


def brands_by_id(session: Session, brand_ids: Collection[str]) -> dict[str, Brand]:
    """Those of them that there are, with their zones."""
    return {row.brand_id: row for row in session.scalars(select(Brand).where(Brand.brand_id.in_(brand_ids)))}
