"""Converts rows of the catalog to the documents of the topic `catalog`. Pure: no I/O."""

from core.moment import format_moment
from core.money import format_optional_money
from core.overrides import override_documents
from core.partitioner import partition_of
from core.records import BrandDocument, CampaignDocument, ZoneDocument
from core.windows import window_document
from models.tables.brand import Brand, BrandZone
from models.tables.campaign import Campaign

__all__ = ["catalog_partition", "document_of"]


def document_of(row: Brand | Campaign, version: int) -> BrandDocument | CampaignDocument:
    """The complete catalog document of a row: readers need only the latest of each key."""
    return _brand_document(row, version) if isinstance(row, Brand) else _campaign_document(row, version)


def catalog_partition(brand_id: str, partitions: int) -> int:
    """The partition of the brand's documents and of those of its campaigns."""
    return partition_of(brand_id, partitions)


def _brand_document(brand: Brand, version: int) -> BrandDocument:
    return BrandDocument(
        brand_id=brand.brand_id,
        version=version,
        zones=[_zone_document(zone) for zone in brand.zones],
        currency=brand.currency,
        name=brand.name,
        daily_budget=format_optional_money(brand.daily_budget_micros),
        monthly_budget=format_optional_money(brand.monthly_budget_micros),
        budget_overrides=override_documents(brand.budget_overrides),
        pacing="even" if brand.pacing == "even" else "none",
        enabled=brand.enabled,
        archived=brand.archived,
        epoch=brand.epoch,
        alert_percents=brand.alert_percents,
        silent_after_minutes=brand.silent_after_minutes,
    )


def _campaign_document(campaign: Campaign, version: int) -> CampaignDocument:
    return CampaignDocument(
        brand_id=campaign.brand_id,
        campaign_id=campaign.campaign_id,
        version=version,
        name=campaign.name,
        external_id=campaign.external_id,
        enabled=campaign.enabled,
        archived=campaign.archived,
        daily_budget=format_optional_money(campaign.daily_budget_micros),
        total_budget=format_optional_money(campaign.total_budget_micros),
        budget_overrides=override_documents(campaign.budget_overrides),
        starts_on=None if campaign.starts_on is None else campaign.starts_on.isoformat(),
        ends_on=None if campaign.ends_on is None else campaign.ends_on.isoformat(),
        windows=[window_document(row.window) for row in campaign.windows],
    )


def _zone_document(zone: BrandZone) -> ZoneDocument:
    return ZoneDocument(zone.time_zone, None if zone.starts_at is None else format_moment(zone.starts_at))
