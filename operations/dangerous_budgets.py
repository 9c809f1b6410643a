"""The budget changes that a person is asked to confirm before they are saved, on pages and in commands alike. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from core.money import format_money

if TYPE_CHECKING:
    from operations.catalog_file.application import FileComparison

__all__ = ["budgets_of", "dangers_of", "dangers_of_plan"]

#: More than so many times the former budget is asked about.
_TIMES: Final = 3
#: By attribute of the row.
_LABELS: Final = {
    "daily_budget_micros": "daily budget",
    "monthly_budget_micros": "monthly budget",
    "total_budget_micros": "total budget",
}


def budgets_of(row: object) -> dict[str, int | None]:
    """The budgets of a brand or campaign by attribute."""
    return {name: getattr(row, name) for name in _LABELS if hasattr(row, name)}


def dangers_of(before: Mapping[str, int | None], changes: Mapping[str, object], currency: str = "") -> list[str]:
    """A sentence for each budget that the edit would make unlimited or more than three times as high, and one where it
    puts the daily budget above the monthly one. `before` is empty for a new row. A budget of zero has no multiple.
    `currency` stands beside amounts where the sentences are about several brands."""

    def amount(micros: int) -> str:
        return f"{format_money(micros)} {currency}".rstrip()

    after = {name: value for name, value in changes.items() if name in _LABELS and value != before.get(name)}
    found = []
    for name, value in after.items():
        former = before.get(name)
        if former is None:
            continue
        if not isinstance(value, int):
            found.append(f"Nothing would limit the {_LABELS[name]} any more, which is {amount(former)} now.")
        elif former and value > _TIMES * former:
            words = f"{amount(value)} is more than {_TIMES} times {amount(former)}, which is in force now."
            found.append(f"The {_LABELS[name]} of {words}")
    daily, monthly = (after.get(it, before.get(it)) for it in ("daily_budget_micros", "monthly_budget_micros"))
    if after and isinstance(daily, int) and isinstance(monthly, int) and daily > monthly:
        found.append(f"The daily budget of {amount(daily)} is above the monthly budget of {amount(monthly)}.")
    return found


def dangers_of_plan(planned: "FileComparison") -> list[str]:
    """The sentences of `dangers_of` for each row of a catalog file, each with the brand or campaign that it is
    about."""
    found: list[str] = []
    currencies = planned.currencies
    for it in planned.comparison.differences:
        row: object = planned.known.brands.get(it.brand_id)
        if it.campaign_id is not None:
            row = planned.known.campaigns.get(it.campaign_id)
        changes = {field.column.attribute: field.after for field in it.fields if field.column.attribute}
        dangers = dangers_of(budgets_of(row), changes, currencies[it.brand_id])
        found += (f"{it.campaign_id or it.brand_id}: {words}" for words in dangers)
    return found
