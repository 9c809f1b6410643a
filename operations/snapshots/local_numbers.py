"""Reads amounts in the formats of many countries: `1,234.56`, `1.234,56`, `1 234,56`, `1'234.56`. Pure.

A single amount may be ambiguous: its comma may separate thousands or the fraction. All amounts of a file have the same
format, so unambiguous ones decide for the others; and in a currency without minor units there is no fraction.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from core.errors import RefusedValue
from core.refusal import Refusal, invalid_field

__all__ = ["Decimal", "decimal_mark_of", "plain_amount"]

#: Thousands separators that are never a decimal mark: blanks of many kinds, and Swiss apostrophes.
_MARKS: Final = " \xa0\u202f\u2009'\u2019"

#: Without minor units in ISO 4217.
_WHOLE_CURRENCIES: Final = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF")
)


class Decimal(StrEnum):
    """The mark before the fraction."""

    POINT = "point"
    COMMA = "comma"

    @property
    def mark(self) -> str:
        return "." if self is Decimal.POINT else ","

    @property
    def other(self) -> "Decimal":
        return Decimal.COMMA if self is Decimal.POINT else Decimal.POINT


def _amount(decimal: Decimal) -> re.Pattern[str]:
    """The pattern of an amount with this mark. Groups have three digits, in India two except the last; the first of
    them does not begin with 0, so that the point of 0.123 is before the fraction."""
    between = f"[{re.escape(decimal.other.mark)}{_MARKS}]"
    return re.compile(
        rf"-?([0-9]{{1,32}}|[1-9][0-9]{{0,2}}(?:{between}[0-9]{{2,3}}){{0,10}}{between}[0-9]{{3}})"
        rf"(?:{re.escape(decimal.mark)}([0-9]{{1,32}}))?",
        re.ASCII,
    )


_AMOUNTS: Final = {decimal: _amount(decimal) for decimal in Decimal}


def decimal_mark_of(cells: Iterable[tuple[int, str]]) -> Decimal | None:
    """The decimal mark of a file, from its cells with their line numbers; None where all are ambiguous. Raises
    RefusedValue where they contradict each other."""
    first: dict[Decimal, int] = {}
    for number, cell in cells:
        fits = [decimal for decimal in Decimal if _AMOUNTS[decimal].fullmatch(cell.strip())]
        if len(fits) == 1:
            first.setdefault(fits[0], number)
    if len(first) == 2:
        raise RefusedValue(
            f"Line {first[Decimal.POINT]} has a point before the fraction, line {first[Decimal.COMMA]} a comma: "
            "write --decimal point or --decimal comma, and the others are refused."
        )
    return next(iter(first), None)


def plain_amount(cell: str, decimal: Decimal | None, currency: str = "") -> str | Refusal:
    """The amount with a point before the fraction and without thousands separators, digits unchanged; `decimal` is None
    where all amounts of the file are ambiguous, `currency` is empty where it is not known."""
    text = cell.strip()
    fits = {it: found for it, pattern in _AMOUNTS.items() if (found := pattern.fullmatch(text))}
    if decimal is None and fits:
        readings = [decimal for decimal, found in fits.items() if currency not in _WHOLE_CURRENCIES or not found[2]]
        if len({_plain(fits[it]) for it in readings}) > 1:
            return invalid_field(
                f"cost: {text[:40]!r} may be read in two ways, and no other line shows how: write --decimal point or "
                "--decimal comma"
            )
        decimal = next(iter(readings or fits))
    if decimal is None or decimal not in fits:
        return invalid_field(f"cost: not an amount{f' with a decimal {decimal}' if decimal else ''}: {text[:40]!r}")
    return _plain(fits[decimal])


def _plain(found: re.Match[str]) -> str:
    sign = "-" if found[0].startswith("-") else ""
    digits = re.sub("[^0-9]", "", found[1])
    return f"{sign}{digits}.{found[2]}" if found[2] else f"{sign}{digits}"
