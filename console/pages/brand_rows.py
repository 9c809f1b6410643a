"""The overview's list as rows of CSV. Pure."""

from typing import Final

from console.live.needs import in_order
from console.pages.brand_list import BrandEntry
from core.moment import format_moment
from core.money import format_money, format_optional_money

__all__ = ["BRAND_COLUMNS", "brand_cells"]

BRAND_COLUMNS: Final = (
    "brand_id",
    "name",
    "standing",
    "currency",
    "time_zone",
    "day",
    "day_ends_at",
    "day_spent",
    "day_budget",
    "day_percent",
    "day_gone_at",
    "month",
    "month_ends_at",
    "month_spent",
    "month_budget",
    "month_percent",
    "month_passed_percent",
    "month_points",
    "month_needs_a_day",
    "campaigns_running",
    "campaigns_paused",
    "reasons",
    "needs",
)


def brand_cells(entry: BrandEntry) -> list[str | int | None]:
    """The cells of a brand in the order of BRAND_COLUMNS; nothing is rounded, moments are RFC 3339 in UTC."""
    it, month = entry.summary, entry.month
    if it is None:
        known = [entry.brand_id, entry.name, "archived" if entry.archived else "", entry.currency, entry.time_zone]
        return [*known, *[None] * (len(BRAND_COLUMNS) - len(known))]
    gone_at = entry.day.runs_out_at if entry.day else None
    needs = month.needs_micros if month else None
    return [
        entry.brand_id,
        entry.name,
        it.status,
        it.currency,
        it.time_zone,
        it.day_on.isoformat(),
        format_moment(it.day_ends_at),
        format_money(it.day.spent_micros),
        format_optional_money(it.day.budget_micros),
        it.day.percent,
        None if gone_at is None else format_moment(gone_at),
        it.day_on.strftime("%Y-%m"),
        format_moment(it.month_ends_at),
        format_money(it.month.spent_micros),
        format_optional_money(it.month.budget_micros),
        it.month.percent,
        month.passed_percent if month else None,
        month.points if month else None,
        format_optional_money(needs),
        it.running,
        it.paused,
        " ".join(it.reasons),
        " ".join(in_order(entry.needs)),
    ]
