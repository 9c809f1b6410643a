"""Checks the options of a simulation. Raises RefusedValue with a sentence that says what to write instead."""

from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from core.errors import RefusedValue
from operations import validation
from simulation.traffic import Mix

__all__ = ["mix", "past_day", "rate", "share"]


def mix(*, duplicates: str, late: str, refunds: str, wrong_keys: str) -> Mix:
    return Mix(
        duplicates=share("duplicates", duplicates),
        late=share("late events", late),
        refunds=share("refunds", refunds),
        wrong_keys=share("wrong keys", wrong_keys),
    )


def share(what: str, text: str) -> float:
    """A percentage as a share of 1."""
    percent = _decimal(text)
    if percent is None or not 0 <= percent <= 100:
        raise RefusedValue(f"{text[:40]!r} is no percentage of {what}: write 0 to 100, such as 2.5.")
    return float(percent / 100)


def rate(what: str, text: str, *, most: int) -> float:
    """A number above zero, at most `most`."""
    number = _decimal(text)
    if number is None or not 0 < number <= most:
        raise RefusedValue(f"{text[:40]!r} is no {what}: write a number above 0, up to {most}.")
    return float(number)


def past_day(text: str, today: date) -> date:
    """A past date in UTC, as YYYY-MM-DD or `yesterday`."""
    if text == "yesterday":
        return today - timedelta(days=1)
    day = validation.day("the day", text)
    if day >= today or day.year < 1971:
        raise RefusedValue(f"{text[:40]!r} is no past day: write one before {today}, such as {today - timedelta(1)}.")
    return day


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text.removesuffix("%").strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
