"""Explains the daily allowance of a paced brand."""

from core.budget import even_allowance, pacing_budget
from core.moment import HOUR, Moment
from core.money import format_money
from core.state import BrandState

__all__ = ["allowance_words"]


def allowance_words(brand: BrandState) -> str | None:
    """The formula of the allowance, such as `(3000.00 - 40.00) * 24 h / 696 h`; None where the day is not paced.

    The text says so where the zone was changed after the allowance was computed, because lengths of day and month then
    differ.
    """
    if brand.daily_allowance_micros is None or not (brand.config and brand.day and brand.month):
        return None
    budget, before = pacing_budget(brand.config, brand.day.date), brand.spent_before_day_micros
    if budget is None or even_allowance(budget - before, brand.day, brand.month) != brand.daily_allowance_micros:
        return "fixed before the time zone changed"
    day, rest = brand.day.ends_at - brand.day.starts_at, brand.month.ends_at - brand.day.starts_at
    return f"({format_money(budget)} - {format_money(before)}) * {_hours(day)} / {_hours(rest)}"


def _hours(length: Moment) -> str:
    return f"{length / HOUR:g} h"
