"""Rows of the catalog as the documents that Kafka carries, and the partition of their brand. No I/O."""

from models.brand import Brand, BrandZone
from models.campaign import Campaign
from models.daypart_window import Window, clock_text, weekday_names
from streams.core.moment import format_moment
from streams.core.money import format_money
from streams.core.partitioner import partition_of
from streams.core.records import BrandDocument, CampaignDocument, WindowDocument, ZoneDocument

__all__ = ["catalog_partition", "document_of"]


def document_of(row: Brand | Campaign, version: int) -> BrandDocument | CampaignDocument:
    """The whole document: a reader needs no other one of the same key."""
    return _brand_document(row, version) if isinstance(row, Brand) else _campaign_document(row, version)


def catalog_partition(brand_id: str, partitions: int) -> int:
    """A brand's campaigns live in its own partition, whatever their keys are."""
    return partition_of(brand_id, partitions)


def _brand_document(brand: Brand, version: int) -> BrandDocument:
    return BrandDocument(
        brand_id=brand.brand_id,
        version=version,
        zones=[_zone_document(zone) for zone in brand.zones],
        currency=brand.currency,
        name=brand.name,
        daily_budget=_money(brand.daily_budget_micros),
        monthly_budget=_money(brand.monthly_budget_micros),
        enabled=brand.enabled,
        archived=brand.archived,
        epoch=brand.epoch,
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
        daily_budget=_money(campaign.daily_budget_micros),
        total_budget=_money(campaign.total_budget_micros),
        starts_on=None if campaign.starts_on is None else campaign.starts_on.isoformat(),
        ends_on=None if campaign.ends_on is None else campaign.ends_on.isoformat(),
        windows=[_window_document(row.window) for row in campaign.windows],
    )


def _zone_document(zone: BrandZone) -> ZoneDocument:
    return ZoneDocument(zone.time_zone, None if zone.starts_at is None else format_moment(zone.starts_at))


def _window_document(window: Window) -> WindowDocument:
    return WindowDocument(
        weekday_names(window.weekdays), from_=clock_text(window.from_minute), to=clock_text(window.to_minute)
    )


def _money(micros: int | None) -> str | None:
    return None if micros is None else format_money(micros)
