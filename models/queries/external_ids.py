"""Finds campaigns by their id at a platform, and the brands that snapshots are checked against."""

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
    """The campaigns with each external_id, archived ones too, sorted by id; unknown external_ids are left out."""
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
    """The brands with these ids, with their zones; unknown ids are left out."""
    return {row.brand_id: row for row in session.scalars(select(Brand).where(Brand.brand_id.in_(brand_ids)))}
