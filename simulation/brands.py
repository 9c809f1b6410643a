"""The brands and campaigns of a simulation. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

from core.calendar import Zones, ZoneSpan
from core.moment import parse_moment
from core.money import format_money
from core.records import BrandDocument, CampaignDocument, WindowDocument, ZoneDocument

__all__ = ["Document", "SimulatedBrand", "brands_of", "generate_brands"]

#: Zones whose midnights are spread over the day, also at half and quarter hours.
TIME_ZONES: Final = (
    ("Asia/Karachi", "PKR"),
    ("America/New_York", "USD"),
    ("Europe/Berlin", "EUR"),
    ("Asia/Kathmandu", "NPR"),
    ("America/Los_Angeles", "USD"),
    ("Asia/Tokyo", "JPY"),
    ("Australia/Adelaide", "AUD"),
    ("UTC", "USD"),
)
WINDOWS: Final = (
    (),
    (WindowDocument(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], from_="09:00", to="17:00"),),
    (WindowDocument(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], from_="20:00", to="04:00"),),
)
#: Budgets as shares of the expected spend; None is no budget.
SHARES: Final = (0.4, 0.8, 1.5, None)

Document = BrandDocument | CampaignDocument


@dataclass(frozen=True, slots=True)
class SimulatedBrand:
    brand_id: str
    zones: Zones
    currency: str
    campaign_ids: tuple[str, ...]


def generate_brands(name: str, brands: int, campaigns: int, brand_day_micros: int, random: Random) -> list[Document]:
    """A catalog of brands with `campaigns` campaigns each, brands first. Ids begin with `name`.

    `brand_day_micros` is the expected spend of a brand in a day: some budgets are below it, some above.
    """
    documents: list[Document] = []
    for number in range(brands):
        time_zone, currency = TIME_ZONES[number % len(TIME_ZONES)]
        brand = BrandDocument(
            brand_id=f"{name}-{number:03d}",
            version=1,
            zones=[ZoneDocument(time_zone)],
            currency=currency,
            name=f"Simulated {number}",
            daily_budget=_budget(brand_day_micros, random),
            monthly_budget=_budget(2 * brand_day_micros, random),
        )
        documents.append(brand)
        campaign_day_micros = brand_day_micros // campaigns
        documents += [_campaign(brand, other, campaign_day_micros, random) for other in range(campaigns)]
    return documents


def brands_of(documents: Iterable[Document]) -> list[SimulatedBrand]:
    """The brands that these documents describe."""
    found: dict[str, SimulatedBrand] = {}
    for document in documents:
        brand_id = document.brand_id
        if isinstance(document, BrandDocument):
            spans = (ZoneSpan(it.time_zone, parse_moment(it.from_) if it.from_ else None) for it in document.zones)
            found[brand_id] = SimulatedBrand(brand_id, tuple(spans), document.currency, ())
        else:
            brand = found[brand_id]
            campaign_ids = (*brand.campaign_ids, document.campaign_id)
            found[brand_id] = SimulatedBrand(brand_id, brand.zones, brand.currency, campaign_ids)
    return list(found.values())


def _campaign(brand: BrandDocument, number: int, day_micros: int, random: Random) -> CampaignDocument:
    return CampaignDocument(
        brand_id=brand.brand_id,
        campaign_id=f"{brand.brand_id}.{number:02d}",
        version=1,
        daily_budget=_budget(day_micros, random),
        total_budget=_budget(3 * day_micros, random),
        windows=list(random.choice(WINDOWS)),
    )


def _budget(expected_micros: int, random: Random) -> str | None:
    share = random.choice(SHARES)
    return None if share is None else format_money(int(expected_micros * share))
