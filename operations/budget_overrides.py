"""Edits budget overrides as people type them: for today, for dates, and their removal.

A new override is in force on its dates; an existing one keeps the dates before and after them.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final, NoReturn

from core.calendar import next_day
from core.errors import RefusedValue
from core.money import format_money
from core.overrides import NO_OVERRIDES, Override, Overrides, checked_overrides
from operations import validation

__all__ = [
    "checked",
    "edited_overrides",
    "override_text",
    "overrides_from_text",
    "overrides_text",
    "upcoming",
]

#: An edit removes overrides that ended so long before today; the history has them.
_KEPT: Final = timedelta(days=31)
_ONE_DAY: Final = timedelta(days=1)


def edited_overrides(
    held: Overrides,
    today: date,
    *,
    budget_today: str | None = None,
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
    has_monthly: bool,
) -> Overrides:
    """The overrides after an edit; `today` is the brand's date. Raises RefusedValue for an invalid override.

    `budget_today` is a daily budget. `added` are such as `2026-11-27..2026-11-30 daily=500`; `removed` are dates, or
    `all`. `has_monthly` says whether there is a monthly budget, as a campaign has none.
    """
    daily, monthly = list(held.daily), list(held.monthly)
    for text in removed:
        if text.lower() == "all":
            daily, monthly = [], []
            continue
        first, last = _dates(text)
        daily = _without(daily, first, last)
        monthly = [it for it in monthly if not first <= it.first <= it.last <= last]
    for text in added:
        for budget, override in _parsed(text, has_monthly):
            if budget == "daily":
                daily = [*_without(daily, override.first, override.last), override]
            else:
                monthly = [*_without(monthly, override.first, override.last), override]
    if budget_today is not None:
        micros = validation.budget("budget for today", budget_today)
        daily = [*_without(daily, today, today), Override(today, today, micros)]
    kept_from = today - _KEPT if today > date.min + _KEPT else date.min
    return checked(*([it for it in overrides if it.last >= kept_from] for overrides in (daily, monthly)))


def checked(daily: Sequence[Override], monthly: Sequence[Override]) -> Overrides:
    """The overrides, sorted. Raises RefusedValue where they are invalid together."""
    try:
        return checked_overrides(daily, monthly)
    except ValueError as error:
        text = str(error)
        raise RefusedValue(f"{text[0].upper()}{text[1:]}.") from error


def upcoming(overrides: Overrides | None, today: date) -> list[tuple[str, Override]]:
    """The overrides of today and later with the name of their budget, sorted by date."""
    held = overrides or NO_OVERRIDES
    named = [("daily", it) for it in held.daily] + [("monthly", it) for it in held.monthly]
    return sorted((it for it in named if it[1].last >= today), key=lambda it: (it[1].first, it[0]))


def overrides_from_text(text: str, *, has_monthly: bool) -> Overrides:
    """All overrides in one text, separated by semicolons; none may overlap another of its budget."""
    parts = [part for part in text.split(";") if part.strip()]
    parsed = [it for part in parts for it in _parsed(part, has_monthly)]
    return checked(*([override for budget, override in parsed if budget == name] for name in ("daily", "monthly")))


def overrides_text(overrides: Overrides) -> str:
    """Write what `overrides_from_text` reads."""
    return "; ".join(override_text(*it) for it in upcoming(overrides, date.min))


def override_text(budget: str, override: Override) -> str:
    """Write what `edited_overrides` reads."""
    first, last, micros = override
    dates = first.isoformat() if first == last else f"{first}..{last}"
    return f"{dates} {budget}={'none' if micros is None else format_money(micros)}"


def _parsed(text: str, has_monthly: bool) -> Iterable[tuple[str, Override]]:
    dates, *budgets = text.split() or [""]
    first, last = _dates(dates)
    if not budgets:
        _refuse(text)
    for word in budgets:
        name, separator, amount = word.partition("=")
        if not separator or name not in ("daily", "monthly"):
            _refuse(text)
        if name == "monthly" and not has_monthly:
            raise RefusedValue("A campaign has no monthly budget: write daily=… for its daily budget.")
        yield name, Override(first, last, validation.budget(f"{name} budget", amount))


def _dates(text: str) -> tuple[date, date]:
    """`2026-11-27..2026-11-30`, or one date."""
    first, separator, last = text.strip().partition("..")
    starts_on, ends_on = (validation.day("an override", it) for it in (first, last if separator else first))
    if ends_on < starts_on:
        raise RefusedValue(f"The override from {starts_on} to {ends_on} would end before it begins.")
    return starts_on, ends_on


def _without(overrides: Sequence[Override], first: date, last: date) -> list[Override]:
    """The overrides without the dates from `first` to `last`."""
    left = []
    for it in overrides:
        if it.first < first:
            left.append(it._replace(last=min(it.last, first - _ONE_DAY)))
        following = next_day(last)
        if following is not None and following <= it.last:
            left.append(it._replace(first=max(it.first, following)))
    return left


def _refuse(text: str) -> NoReturn:
    raise RefusedValue(
        f"{text[:80]!r} is no budget override: write dates and budgets, such as '2026-11-27..2026-11-30 daily=500'."
    )
