"""Typed values into checked ones. What is refused raises RefusedValue: one sentence that says what to write instead."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, NoReturn

from models.daypart_window import Window
from streams.core.calendar import check_time_zone
from streams.core.dayparting import Window as ParsedWindow
from streams.core.dayparting import parse_window, window_from_document
from streams.core.moment import Moment, parse_moment
from streams.core.money import format_money, parse_budget, parse_json_number, parse_money
from streams.core.refusal import Refusal
from streams.core.spend import valid_id
from streams.errors import RefusedValue

__all__ = [
    "account_name",
    "budget",
    "budget_number",
    "currency",
    "date_or_none",
    "flight",
    "identifier",
    "is_none",
    "moment",
    "name",
    "number",
    "one_of",
    "spend_amount",
    "text_or_none",
    "time_zone",
    "window",
    "window_document",
    "windows",
]

_NAME_LENGTH_MAX: Final = 200
_EARLIEST_DATE: Final = date(1970, 1, 1)
_SHOWN: Final = 80
_ACCOUNT_NAME: Final = re.compile(r"[a-z0-9._@-]{1,64}", re.ASCII)


def identifier(what: str, text: str) -> str:
    """A brand_id or campaign_id."""
    if not valid_id(text):
        _refuse(f"{_quoted(text)} is no {what} id: write 1 to 64 of the characters A-Z a-z 0-9 . _ : - and no spaces.")
    return text


def account_name(what: str, text: str) -> str:
    """The name of a user or a token; capital letters are taken as small ones."""
    folded = text.lower()
    if _ACCOUNT_NAME.fullmatch(folded) is None:
        _refuse(f"{_quoted(text)} is no {what} name: write 1 to 64 of the characters a-z 0-9 . _ @ - and no spaces.")
    return folded


def name(text: str) -> str:
    """What people call it; may be empty."""
    if len(text) > _NAME_LENGTH_MAX or not text.isprintable():
        _refuse(f"The name {_quoted(text)} is refused: write up to {_NAME_LENGTH_MAX} printable characters.")
    return text


def text_or_none(text: str) -> str | None:
    """Such as an external id; `none` clears it."""
    return None if is_none(text) else name(text)


def time_zone(text: str) -> str:
    """The name of a zone in the IANA database."""
    try:
        check_time_zone(text)
    except ValueError as error:
        raise RefusedValue(str(error)) from error
    return text


def currency(text: str) -> str:
    """An ISO 4217 code; small letters are taken as well."""
    import pycountry

    code = text.upper()
    if not text.isascii() or pycountry.currencies.get(alpha_3=code) is None:
        _refuse(f"{_quoted(text)} is not a currency of ISO 4217: write three letters such as USD, EUR or PKR.")
    return code


def budget(what: str, text: str) -> int | None:
    """Micros of a budget; `none` is unlimited and zero lets nothing be spent."""
    if is_none(text):
        return None
    return _budget(what, parse_budget(text))


def budget_number(what: str, text: str) -> int:
    """The same of the text of a JSON number, which may carry an exponent."""
    micros = parse_json_number(text)
    return _budget(what, micros if isinstance(micros, Refusal) else parse_budget(format_money(micros)))


def spend_amount(text: str) -> int:
    """Micros of money gone; below zero is a refund."""
    micros = parse_money(text)
    if isinstance(micros, Refusal):
        _refuse(f"The amount is refused ({micros.message}): write one such as 0.0125, below zero for a refund.")
    if micros == 0:
        _refuse("The amount is refused: a spend of zero says nothing.")
    return micros


def date_or_none(what: str, text: str) -> date | None:
    """A local date as YYYY-MM-DD; `none` leaves that end of the flight open."""
    if is_none(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    # fromisoformat takes other forms as well, such as 2025-W01-1.
    if day is None or day.isoformat() != text or day < _EARLIEST_DATE:
        _refuse(f"{_quoted(text)} is no date for {what}: write one such as 2025-09-08, or none.")
    return day


def flight(starts_on: date | None, ends_on: date | None) -> None:
    """Both dates belong to the flight, so it may last one day but not less."""
    if starts_on and ends_on and ends_on < starts_on:
        _refuse(f"The flight would end on {ends_on}, before it starts on {starts_on}: write a later ends-on.")


def windows(texts: Sequence[str]) -> list[Window]:
    """Daypart windows such as `mon-fri 09:00-17:00`; a single `none` is no windows, which means always."""
    if len(texts) == 1 and is_none(texts[0]):
        return []
    return [window(text) for text in texts]


def window(text: str) -> Window:
    """One of them, as text."""
    return _row_of(lambda: parse_window(text))


def window_document(days: Sequence[str], from_: str, to: str) -> Window:
    """One of them, as the catalog writes it."""
    return _row_of(lambda: window_from_document(days, from_, to))


def moment(what: str, text: str) -> Moment:
    """RFC 3339 with an offset."""
    try:
        return parse_moment(text)
    except ValueError as error:
        raise RefusedValue(f"The {what} is refused: {error}") from error


def number(what: str, text: str, *, least: int, most: int) -> int:
    """A whole number within bounds."""
    if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= most):
        _refuse(f"{_quoted(text)} is no number of {what}: write {least} to {most}.")
    return int(text)


def one_of(what: str, text: str, known: Sequence[str]) -> str:
    """A word of a fixed list."""
    if text not in known:
        _refuse(f"{_quoted(text)} is no {what}: write {', '.join(known[:-1])} or {known[-1]}.")
    return text


def is_none(text: str) -> bool:
    """Whether the word that clears a value was written."""
    return text.lower() == "none"


def _budget(what: str, micros: int | Refusal) -> int:
    if isinstance(micros, Refusal):
        _refuse(f"The {what} is refused ({micros.message}): write an amount such as 100.00, or none for no limit.")
    return micros


def _row_of(read: Callable[[], ParsedWindow]) -> Window:
    try:
        parsed = read()
    except ValueError as error:
        raise RefusedValue(str(error)) from error
    return Window(sum(1 << day for day in parsed.days), parsed.from_minute, parsed.to_minute)


def _refuse(sentence: str) -> NoReturn:
    raise RefusedValue(sentence)


def _quoted(text: str) -> str:
    """An error is one line, whatever was typed."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
