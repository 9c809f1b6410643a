"""Parses, formats and bounds money, which is whole micros (docs/contract.md, "Ids, money and moments")."""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from core.refusal import Refusal, RefusalReason

__all__ = [
    "LIMIT_MICROS",
    "MICROS",
    "format_money",
    "format_optional_money",
    "in_parts",
    "parse_budget",
    "parse_money",
    "parse_percent_change",
    "parse_total",
    "raised_by",
]

MICROS: Final = 1_000_000
#: Room for a month in rupiah or dong, and what NUMERIC(18,6) holds: below 10^12.
LIMIT_MICROS: Final = 1_000_000_000_000 * MICROS - 1

_DECIMAL: Final = re.compile(r"(-?)([0-9]{1,32})(?:\.([0-9]{1,32}))?")

#: `+10 %`: the sign says that it is a change, not an amount.
_PERCENT_CHANGE: Final = re.compile(r"([+-])([0-9]{1,4})(?:\.([0-9]{1,2}))? ?%")
_HUNDREDTH: Final = MICROS // 100

#: `1,000.00`, `1.000,50` and `1,5`, which cannot be distinguished without asking.
_GROUPED: Final = re.compile(r"-?[0-9]{1,32}(?:[.,' ][0-9]{1,32}){1,12}")


def parse_money(text: str) -> int | Refusal:
    """Micros of a decimal string or of the text of a JSON number (which alone may carry an exponent)."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return _parse_unusual(text)
    sign, whole, fraction = match.groups(default="")
    if len(fraction) > 6:
        return _too_precise(text)
    micros = int(whole) * MICROS + int(fraction.ljust(6, "0"))
    if micros > LIMIT_MICROS:
        return _out_of_range(text)
    return -micros if sign else micros


def parse_total(text: str) -> int | Refusal:
    """Micros of a total: the sum of many amounts, which may exceed the bound of one."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return _not_money(text)
    sign, whole, fraction = match.groups(default="")
    return _too_precise(text) if len(fraction) > 6 else int(f"{sign}{whole}{fraction.ljust(6, '0')}")


def parse_json_number(text: str) -> int | Refusal:
    """Micros of the exact text of a JSON number, exponents included; no float is involved."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _parse_absurd_exponent(text)
    if not number.is_finite() or number.adjusted() > 11:
        return _out_of_range(text)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -6:
        return _too_precise(text)
    return int(number.scaleb(6))


def parse_budget(text: str) -> int | Refusal:
    """A budget in micros: money that is not negative; zero is allowed and means that nothing may be spent."""
    micros = parse_money(text)
    if isinstance(micros, int) and micros < 0:
        return Refusal(RefusalReason.INVALID_FIELD, f"a budget cannot be negative, got {text}")
    return micros


def parse_percent_change(text: str) -> int | None:
    """Hundredths of a percent of a text such as `+10 %` or `-2.5%`; None where it is no such text."""
    match = _PERCENT_CHANGE.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction = match.groups(default="")
    return int(f"{sign}{whole}{fraction.ljust(2, '0')}")


def raised_by(micros: int, hundredths_of_percent: int) -> int:
    """A budget changed by so much, rounded half up to 0.01; below -100 % it is negative."""
    scaled = micros * (10_000 + hundredths_of_percent)
    return (scaled + 5_000 * _HUNDREDTH) // (10_000 * _HUNDREDTH) * _HUNDREDTH


@lru_cache(maxsize=4_096)
def optional_budget(text: str | None) -> int | None:
    """The budget of a document, None for unlimited. Raises ValueError where `parse_budget` refuses the text. Cached,
    because a restart reads the documents of all brands, of which many have the same budgets."""
    if text is None:
        return None
    micros = parse_budget(text)
    if isinstance(micros, Refusal):
        raise ValueError(micros.message)
    return micros


def format_money(micros: int) -> str:
    """A decimal string with 2 to 6 fraction digits: 12500 -> "0.0125", 100000000 -> "100.00"."""
    sign = "-" if micros < 0 else ""
    whole, fraction = divmod(abs(micros), MICROS)
    if not fraction:  # as in most budgets: formatted for every command
        return f"{sign}{whole}.00"
    digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{digits}"


def format_optional_money(micros: int | None) -> str | None:
    """The same; None, such as a budget that is unlimited, stays None."""
    return None if micros is None else format_money(micros)


def in_parts(micros: int) -> Iterator[int]:
    """A sum of any size as amounts within LIMIT_MICROS; none for zero."""
    while micros:
        part = max(-LIMIT_MICROS, min(LIMIT_MICROS, micros))
        yield part
        micros -= part


def _parse_unusual(text: str) -> Refusal:
    if re.fullmatch(r"-?[0-9]{33,}(\.[0-9]+)?", text):
        return _out_of_range(text)
    if re.fullmatch(r"-?[0-9]+\.[0-9]{33,}", text):
        return _too_precise(text)
    return _not_money(text)


def _parse_absurd_exponent(text: str) -> Refusal:
    """The refusal of a number whose exponent has more digits than Decimal can read."""
    exponent = re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?[eE]([+-]?)[0-9]+", text)
    if exponent is None:
        return _not_money(text)
    return _too_precise(text) if exponent[1] == "-" else _out_of_range(text)


def _not_money(text: str) -> Refusal:
    if _GROUPED.fullmatch(text):
        how = "write no marks between thousands and a point before the fraction, such as 1000.50"
        hint = f"not a decimal amount: {text[:40]!r}; {how}"
        return Refusal(RefusalReason.INVALID_FIELD, hint)
    return Refusal(RefusalReason.INVALID_FIELD, f'not a decimal amount such as "0.0125": {text[:40]!r}')


def _too_precise(text: str) -> Refusal:
    return Refusal(RefusalReason.AMOUNT_PRECISION, f"more than 6 fraction digits: {text[:40]}")


def _out_of_range(text: str) -> Refusal:
    return Refusal(RefusalReason.AMOUNT_OUT_OF_RANGE, f"not below 1,000,000,000,000: {text[:40]}")
