"""Sums of a brand's spend in the ledger, by day and campaign."""

from collections import defaultdict
from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from core.errors import RefusedValue
from core.money import format_money
from models.queries.spend_sums import spend_by_campaign_and_day
from operations.catalog_views import Json

__all__ = ["spend_sums_view"]

_DAYS_MAX: Final = 366


def spend_sums_view(
    session: Session,
    brand_id: str,
    currency: str,
    day_from: date,
    day_until: date,
    campaign_id: str | None,
    by_day: bool,
    by_campaign: bool,
) -> dict[str, Json]:
    """The sums as JSON. Raises RefusedValue where the days are not in order, or too many."""
    if not 0 <= (day_until - day_from).days < _DAYS_MAX:
        raise RefusedValue(f"Write a first and a last day, in order, of at most {_DAYS_MAX} days in all.")
    found = spend_by_campaign_and_day(
        session, brand_id=brand_id, campaign_id=campaign_id, day_from=day_from, day_until=day_until
    )
    sums: dict[tuple[str | None, date | None], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for it in found:
        key = (it.campaign_id if by_campaign else None, it.day if by_day else None)
        events, micros = sums[key]
        sums[key] = (events + it.events, micros + it.micros)
    items: list[Json] = [
        {
            "campaign_id": campaign,
            "day": day.isoformat() if day else None,
            "events": events,
            "spent": format_money(micros),
        }
        for (campaign, day), (events, micros) in sorted(sums.items(), key=lambda it: tuple(map(str, it[0])))
    ]
    return {
        "brand_id": brand_id,
        "currency": currency,
        "day_from": day_from.isoformat(),
        "day_until": day_until.isoformat(),
        "events": sum(it.events for it in found),
        "spent": format_money(sum(it.micros for it in found)),
        "items": items,
    }
