"""Sample data for a console that is still empty: the brands of the demo, with spend of their open day. Pure, except
that `add_sample` adds rows."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from core.calendar import day_starts_at, local_date
from core.moment import HOUR, Moment, format_moment
from core.windows import EVERY_DAY, Window
from models.errors import Refused
from models.queries.catalog import list_brands
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations.spend_event import new_spend_event
from simulation.demo.brands import BRANDS, add_demo_brand, add_demo_campaign

__all__ = ["SAMPLE_BRANDS", "SampleSpend", "add_sample", "sample_spend"]

SAMPLE_BRANDS: Final = tuple(it.brand_id for it in BRANDS)
#: Of its daily budget each brand spends such a share, so that one is paused, one is near it and one is not.
_SHARES_PERCENT: Final = (104, 72, 38)
_DAYS_OF_A_MONTH: Final = 24
_EVENTS: Final = 24
_CENT: Final = 10_000
_OFFICE_HOURS: Final = Window(EVERY_DAY, 8 * 60, 20 * 60)


class SampleSpend(NamedTuple):
    brand_id: str
    value: bytes


def add_sample(session: Session, *, actor: str) -> list[Brand | Campaign]:
    """The rows, each brand before its campaigns. Raises Refused where there is a brand already: nobody wants these
    among their own."""
    if list_brands(session, limit=1):
        raise Refused("There are brands already: sample data is for a console that is still empty.")
    rows: list[Brand | Campaign] = []
    for brand in BRANDS:
        monthly_micros = brand.allowance_micros * _DAYS_OF_A_MONTH
        rows.append(add_demo_brand(session, brand, brand.allowance_micros, monthly_micros, actor=actor))
        rows += [
            add_demo_campaign(session, brand, it, [_OFFICE_HOURS] if it.change else [], actor=actor)
            for it in brand.campaigns
        ]
    return rows


def sample_spend(rows: list[Brand | Campaign], now: Moment) -> Iterator[SampleSpend]:
    """Spend of the day that is open at `now`, from its beginning on; the same ids each time, so that it counts once."""
    shares = dict(zip(SAMPLE_BRANDS, _SHARES_PERCENT, strict=True))
    for brand in (it for it in rows if isinstance(it, Brand)):
        campaigns = [it for it in rows if isinstance(it, Campaign) and it.brand_id == brand.brand_id]
        assert campaigns and brand.daily_budget_micros
        begins = day_starts_at(brand.time_zone, local_date(brand.time_zone, now))
        step = max(1, min(HOUR, (now - begins) // _EVENTS))
        micros = brand.daily_budget_micros * shares[brand.brand_id] // 100 // _EVENTS // _CENT * _CENT + _CENT
        for number in range(_EVENTS):
            _, value = new_spend_event(
                brand,
                campaigns[number % len(campaigns)].campaign_id,
                micros,
                event_id=f"sample-{brand.brand_id}-{number}",
                occurred_at=format_moment(now - step * (_EVENTS - 1 - number)),
            )
            yield SampleSpend(brand.brand_id, value)
