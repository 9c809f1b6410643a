"""Money is whole micros (int): the one place that parses, shows and bounds it."""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

from streams.core.refusal import Refusal, RefusalReason

__all__ = ["LIMIT_MICROS", "MICROS", "format_money", "in_parts", "parse_budget", "parse_money"]

MICROS: Final = 1_000_000
LIMIT_MICROS: Final = 1_000_000_000 * MICROS

_DECIMAL: Final = re.compile(r"(-?)([0-9]{1,32})(?:\.([0-9]{1,32}))?", re.ASCII)


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


def parse_json_number(text: str) -> int | Refusal:
    """Micros of the exact text of a JSON number, exponents included; no float is involved."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _parse_absurd_exponent(text)
    if not number.is_finite() or number.adjusted() > 12:
        return _out_of_range(text)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -6:
        return _too_precise(text)
    micros = int(number.scaleb(6))
    return micros if abs(micros) <= LIMIT_MICROS else _out_of_range(text)


def parse_budget(text: str) -> int | Refusal:
    """A budget in micros: money that is not negative; zero is allowed and means that nothing may be spent."""
    micros = parse_money(text)
    if isinstance(micros, int) and micros < 0:
        return Refusal(RefusalReason.INVALID_FIELD, f"a budget cannot be negative, got {text}")
    return micros


def format_money(micros: int) -> str:
    """A decimal string with 2 to 6 fraction digits: 12500 -> "0.0125", 100000000 -> "100.00"."""
    sign = "-" if micros < 0 else ""
    whole, fraction = divmod(abs(micros), MICROS)
    digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{digits}"


def in_parts(micros: int) -> Iterator[int]:
    """A sum as amounts that a record may carry; zero needs none."""
    while micros:
        part = max(-LIMIT_MICROS, min(LIMIT_MICROS, micros))
        yield part
        micros -= part


def _parse_unusual(text: str) -> Refusal:
    if re.fullmatch(r"-?[0-9]{33,}(\.[0-9]+)?", text, re.ASCII):
        return _out_of_range(text)
    if re.fullmatch(r"-?[0-9]+\.[0-9]{33,}", text, re.ASCII):
        return _too_precise(text)
    return _not_money(text)


def _parse_absurd_exponent(text: str) -> Refusal:
    """Decimal takes no exponent of more than 18 digits."""
    exponent = re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?[eE]([+-]?)[0-9]+", text, re.ASCII)
    if exponent is None:
        return _not_money(text)
    return _too_precise(text) if exponent[1] == "-" else _out_of_range(text)


def _not_money(text: str) -> Refusal:
    return Refusal(RefusalReason.INVALID_FIELD, f'not a decimal amount such as "0.0125": {text[:40]!r}')


def _too_precise(text: str) -> Refusal:
    return Refusal(RefusalReason.AMOUNT_PRECISION, f"more than 6 fraction digits: {text[:40]}")


def _out_of_range(text: str) -> Refusal:
    return Refusal(RefusalReason.AMOUNT_OUT_OF_RANGE, f"absolute value above 1,000,000,000: {text[:40]}")
