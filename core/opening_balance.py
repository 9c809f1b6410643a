"""Opening balances: sums of a campaign's spend by day, as the fewest corrections that give the same totals. Pure."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Final

from core.money import format_money, in_parts
from core.records import SpendCorrection

__all__ = ["correction", "opening_corrections"]

_ONE_DAY: Final = timedelta(days=1)


def opening_corrections(
    replay_id: int, brand_id: str, campaign_id: str, micros_by_day: Mapping[date, int], open_day: date
) -> Iterator[SpendCorrection]:
    """The corrections that give a campaign its totals after a replay; `micros_by_day` is its net spend.

    `open_day` is the first day that may be open when they are applied. It and each later day have a correction of their
    own, the earlier days of its month have one together, and everything before the month has one, for the total.
    """
    sums: dict[date, int] = {}
    for day, micros in micros_by_day.items():
        booked_on = _closed_stand_in_day(day, open_day)
        sums[booked_on] = sums.get(booked_on, 0) + micros
    for booked_on, micros in sorted(sums.items()):
        for number, part in enumerate(in_parts(micros)):
            name = f"opening:{replay_id}:{campaign_id}:{booked_on.isoformat()}:{number}"
            yield correction(name, brand_id, campaign_id, part, booked_on, f"opening balance of replay {replay_id}")


def correction(
    correction_id: str, brand_id: str, campaign_id: str, amount_micros: int, booked_on: date, reason: str
) -> SpendCorrection:
    """The record of an opening balance."""
    return SpendCorrection(
        correction_id=correction_id,
        brand_id=brand_id,
        campaign_id=campaign_id,
        amount=format_money(amount_micros),
        booked_on=booked_on.isoformat(),
        opening=True,
        reason=reason,
    )


def _closed_stand_in_day(day: date, open_day: date) -> date:
    """The date that the day's spend is booked to in the opening balance."""
    first = open_day.replace(day=1)
    if day >= open_day:
        return day
    return first if day >= first else first - _ONE_DAY
