"""Budgets for certain dates, which take the place of a brand's or campaign's own (docs/contract.md, "catalog")."""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

import msgspec

from core.calendar import next_day
from core.money import format_optional_money, optional_budget
from core.records import BudgetOverrideDocument

__all__ = [
    "NO_OVERRIDES",
    "OVERRIDES_MAX",
    "Override",
    "Overrides",
    "budget_on",
    "checked_overrides",
    "next_change",
    "override_documents",
    "read_overrides",
]

#: Of one brand or campaign.
OVERRIDES_MAX: Final = 100


class Override(NamedTuple):
    """A budget in micros, None = unlimited, on the dates `first` to `last`, both inclusive."""

    first: date
    last: date
    budget_micros: int | None


class Overrides(NamedTuple):
    """The overrides of one brand or campaign, by rising dates without overlap. A campaign has no `monthly`."""

    daily: tuple[Override, ...] = ()
    monthly: tuple[Override, ...] = ()


NO_OVERRIDES: Final = Overrides()


def budget_on(day: date, budget_micros: int | None, overrides: tuple[Override, ...]) -> int | None:
    """The budget in force on the date: that of the override that holds it, else `budget_micros`."""
    for override in overrides:
        if override.first <= day <= override.last:
            return override.budget_micros
    return budget_micros


def next_change(day: date, overrides: tuple[Override, ...]) -> date | None:
    """The first date after this one on which an override begins, or the first after one that ended; None after all."""
    for override in overrides:
        if day < override.first:
            return override.first
        if day <= override.last:
            return next_day(override.last)
    return None


def read_overrides(documents: Sequence[BudgetOverrideDocument]) -> Overrides:
    """Read those of a catalog document. Raises ValueError with a sentence for people."""
    if not documents:
        return NO_OVERRIDES
    daily, monthly = [], []
    for document in documents:
        first, last = _date(document.from_), _date(document.to)
        if document.daily_budget is msgspec.UNSET and document.monthly_budget is msgspec.UNSET:
            raise ValueError(f"the budget override from {first} to {last} names no budget")
        if document.daily_budget is not msgspec.UNSET:
            daily.append(Override(first, last, optional_budget(document.daily_budget)))
        if document.monthly_budget is not msgspec.UNSET:
            monthly.append(Override(first, last, optional_budget(document.monthly_budget)))
    return checked_overrides(daily, monthly)


def checked_overrides(daily: Sequence[Override], monthly: Sequence[Override] = ()) -> Overrides:
    """These overrides in order. Raises ValueError, its text for people, for one that ends before it begins, for two of
    one budget that overlap, for a monthly one that is not of whole months, and for too many."""
    if len(daily) + len(monthly) > OVERRIDES_MAX:
        raise ValueError(f"there are {len(daily) + len(monthly)} budget overrides; at most {OVERRIDES_MAX} are taken")
    for first, last, _ in monthly:
        following = next_day(last)
        if first.day != 1 or (following is not None and following.day != 1):
            raise ValueError(f"the override of the monthly budget from {first} to {last} is not of whole months")
    return Overrides(_in_order("daily", daily), _in_order("monthly", monthly))


def override_documents(overrides: Overrides) -> list[BudgetOverrideDocument]:
    """Write what `read_overrides` reads."""
    return [
        *(
            BudgetOverrideDocument(*_dates(it), daily_budget=format_optional_money(it.budget_micros))
            for it in overrides.daily
        ),
        *(
            BudgetOverrideDocument(*_dates(it), monthly_budget=format_optional_money(it.budget_micros))
            for it in overrides.monthly
        ),
    ]


def _in_order(name: str, overrides: Sequence[Override]) -> tuple[Override, ...]:
    in_order = sorted(overrides, key=lambda it: (it.first, it.last))
    for first, last, _ in in_order:
        if last < first:
            raise ValueError(f"the budget override from {first} to {last} ends before it begins")
    for index, (first, last, _) in enumerate(in_order[1:]):
        before = in_order[index]
        if first <= before.last:
            raise ValueError(
                f"the overrides of the {name} budget from {before.first} to {before.last} "
                f"and from {first} to {last} overlap"
            )
    return tuple(in_order)


def _dates(override: Override) -> tuple[str, str]:
    return override.first.isoformat(), override.last.isoformat()


def _date(text: str) -> date:
    return msgspec.convert(text, date)  # strict, unlike date.fromisoformat
