"""Rows become documents that the controller reads as the rows meant them."""

from datetime import date

from core.calendar import ZoneSpan
from core.catalog import BrandConfig, read_brand_config, read_campaign_config
from core.overrides import Override, Overrides
from core.partitioner import partition_of
from core.records import CampaignDocument, WindowDocument
from models.tables.brand import Brand, BrandZone
from models.tables.campaign import Campaign
from models.tables.daypart_window import DaypartWindow
from schedulers.catalog_relay.documents import catalog_partition, document_of
from streams.kafka.codec import encode

OVERRIDE = Override(date(2025, 9, 8), date(2025, 9, 9), None)
BRAND = Brand(
    brand_id="nike",
    name="Nike",
    currency="USD",
    daily_budget_micros=100_000_001,
    monthly_budget_micros=0,
    budget_overrides=Overrides((OVERRIDE,), (Override(date(2025, 10, 1), date(2025, 11, 30), 5),)),
    pacing="even",
    enabled=False,
    archived=True,
    epoch=2,
    alert_percents=[50, 110],
    silent_after_minutes=180,
    zones=[BrandZone(time_zone="Asia/Karachi"), BrandZone(time_zone="UTC", starts_at=1_757_361_600_125)],
)
CAMPAIGN = Campaign(
    brand_id="nike",
    campaign_id="nike-summer",
    name="Summer",
    external_id="4711",
    daily_budget_micros=None,
    total_budget_micros=30_000_000,
    budget_overrides=Overrides((OVERRIDE,)),
    starts_on=date(2025, 10, 5),
    ends_on=None,
    enabled=True,
    archived=False,
    windows=[
        DaypartWindow(weekdays=0b0011111, from_minute=540, to_minute=1440),
        DaypartWindow(weekdays=0b1000000, from_minute=1320, to_minute=0),
    ],
)


def test_the_controller_reads_of_a_brand_what_the_row_says() -> None:
    terms = read_brand_config("nike", encode(document_of(BRAND, 12)))

    assert terms == BrandConfig(
        version=12,
        zones=(ZoneSpan("Asia/Karachi", None), ZoneSpan("UTC", 1_757_361_600_125)),
        currency="USD",
        daily_budget_micros=100_000_001,
        monthly_budget_micros=0,
        enabled=False,
        archived=True,
        epoch=2,
        alert_percents=(50, 110),
        silent_after_ms=180 * 60_000,
        daily_overrides=(OVERRIDE,),
        monthly_overrides=(Override(date(2025, 10, 1), date(2025, 11, 30), 5),),
        is_paced=True,
    )


def test_the_controller_can_use_every_window_that_a_row_can_hold() -> None:
    document = document_of(CAMPAIGN, 3)
    assert isinstance(document, CampaignDocument)
    assert document.windows == [
        WindowDocument(["mon", "tue", "wed", "thu", "fri"], from_="09:00", to="24:00"),
        WindowDocument(["sun"], from_="22:00", to="00:00"),
    ]
    assert (document.starts_on, document.ends_on) == ("2025-10-05", None)

    terms = read_campaign_config("nike", "nike-summer", encode(document))

    assert terms.usable
    assert (terms.version, terms.external_id) == (3, "4711")
    assert (terms.daily_budget_micros, terms.total_budget_micros) == (None, 30_000_000)
    assert terms.daily_overrides == (OVERRIDE,)


def test_all_of_a_brand_lives_in_its_partition() -> None:
    assert catalog_partition("nike", 12) == partition_of("nike", 12)
