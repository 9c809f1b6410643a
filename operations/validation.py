"""Checks values that people type. A wrong one raises RefusedValue: one sentence that says what to write instead."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, Literal, NoReturn

from core.calendar import check_time_zone
from core.errors import RefusedValue
from core.moment import Moment, parse_moment
from core.money import format_money, parse_budget, parse_json_number, parse_money
from core.refusal import Refusal
from core.spend import valid_id
from core.windows import WINDOWS_MAX, Window, parse_window, window_from_document

__all__ = [
    "account_name",
    "alert_percents",
    "alert_percents_text",
    "alert_percents_words",
    "budget",
    "budget_number",
    "currency",
    "date_or_none",
    "day",
    "flight",
    "identifier",
    "is_none",
    "moment",
    "name",
    "note",
    "number",
    "one_of",
    "pacing",
    "silent_after",
    "silent_after_minutes",
    "silent_after_text",
    "spend_amount",
    "text_or_none",
    "time_zone",
    "window",
    "window_count",
    "window_document",
    "windows",
]

_NAME_LENGTH_MAX: Final = 200
_NOTE_LENGTH_MAX: Final = 500
_EARLIEST_DATE: Final = date(1970, 1, 1)
_SHOWN: Final = 80
_PERCENT_MAX: Final = 1000
#: Of a number; more than any bound has.
_DIGITS_MAX: Final = 18
_PERCENTS_MAX: Final = 10
_SILENT_AFTER: Final = range(5, 7 * 24 * 60 + 1)
_UNITS: Final = {"m": 1, "h": 60, "d": 24 * 60}
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
    """The name of a brand or campaign for people; may be empty."""
    if len(text) > _NAME_LENGTH_MAX or not text.isprintable():
        _refuse(f"The name {_quoted(text)} is refused: write up to {_NAME_LENGTH_MAX} printable characters.")
    return text


def note(text: str) -> str:
    """Why an edit is made, as its history shows it."""
    kept = text.strip()
    if not kept or len(kept) > _NOTE_LENGTH_MAX or not kept.isprintable():
        _refuse(f"The note {_quoted(text)} is refused: write 1 to {_NOTE_LENGTH_MAX} printable characters.")
    return kept


def text_or_none(text: str) -> str | None:
    """A text such as an external id; `none` clears it and gives None."""
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
    """Micros of a budget that is the text of a JSON number, which may have an exponent."""
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
    found = _date(text)
    if found is None:
        _refuse(f"{_quoted(text)} is no date for {what}: write one such as 2025-09-08, or none.")
    return found


def day(what: str, text: str) -> date:
    """A date of a brand's calendar as YYYY-MM-DD."""
    found = _date(text)
    if found is None:
        _refuse(f"{_quoted(text)} is no date for {what}: write one such as 2025-09-08.")
    return found


def flight(starts_on: date | None, ends_on: date | None) -> None:
    """Both dates belong to the flight, so it may last one day but not less."""
    if starts_on and ends_on and ends_on < starts_on:
        _refuse(f"The flight would end on {ends_on}, before it starts on {starts_on}: write a later ends-on.")


def windows(texts: Sequence[str]) -> list[Window]:
    """Daypart windows such as `mon-fri 09:00-17:00`; a single `none` is no windows, which means always."""
    if len(texts) == 1 and is_none(texts[0]):
        return []
    window_count(len(texts))
    return [window(text) for text in texts]


def window_count(count: int) -> None:
    """Check how many windows a campaign has."""
    if count > WINDOWS_MAX:
        _refuse(f"{count} windows are refused: write up to {WINDOWS_MAX}; one may name several days.")


def window(text: str) -> Window:
    """A daypart window as text, such as `mon-fri 09:00-17:00`."""
    return _accepted(lambda: parse_window(text))


def window_document(days: Sequence[str], from_: str, to: str) -> Window:
    """A daypart window as a catalog document has it."""
    return _accepted(lambda: window_from_document(days, from_, to))


def moment(what: str, text: str) -> Moment:
    """RFC 3339 with an offset."""
    try:
        return parse_moment(text)
    except ValueError as error:
        raise RefusedValue(f"The {what} is refused: {error}") from error


def number(what: str, text: str, *, least: int, most: int) -> int:
    """A whole number within bounds."""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX and least <= int(text) <= most):
        _refuse(f"{_quoted(text)} is no number of {what}: write {least} to {most}.")
    return int(text)


def one_of(what: str, text: str, known: Sequence[str]) -> str:
    """A word of a fixed list."""
    if text not in known:
        _refuse(f"{_quoted(text)} is no {what}: write {', '.join(known[:-1])} or {known[-1]}.")
    return text


def alert_percents_text(text: str) -> list[int] | None:
    """Percentages of budgets such as `50,80,100`; `none` is none of them and `default` is None: 80 and 100."""
    if text.lower() == "default":
        return None
    parts = [] if is_none(text) else [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= len(str(_PERCENT_MAX)) for part in parts):
        _refuse(f"{_quoted(text)} are no percentages: write some such as 50,80,100, or none, or default.")
    return alert_percents([int(part) for part in parts])


def alert_percents(percents: Sequence[int]) -> list[int]:
    """Percentages of budgets as numbers; returned in rising order, each once."""
    rising = sorted(set(percents))
    if len(rising) > _PERCENTS_MAX or not all(1 <= percent <= _PERCENT_MAX for percent in rising):
        _refuse(f"The alert percentages are refused: write up to {_PERCENTS_MAX} of 1 to {_PERCENT_MAX}.")
    return rising


def alert_percents_words(percents: Sequence[int] | None) -> str:
    """Write what `alert_percents_text` reads."""
    return "default" if percents is None else ",".join(map(str, percents)) or "none"


def silent_after(text: str) -> int | None:
    """Minutes of a time such as `90m`, `3h` or `2d`; `none` is None."""
    if is_none(text):
        return None
    digits, unit = text[:-1], text[-1:].lower()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len("10080") and unit in _UNITS):
        _refuse(f"{_quoted(text)} is no time for silent-after: write one such as 90m, 3h or 2d, or none.")
    return silent_after_minutes(int(digits) * _UNITS[unit])


def silent_after_minutes(minutes: int) -> int:
    """Minutes as a number, within the bounds of a document."""
    if minutes not in _SILENT_AFTER:
        _refuse("The time for silent-after is refused: write 5 minutes to 7 days.")
    return minutes


def silent_after_text(minutes: int | None) -> str:
    """Write what `silent_after` reads."""
    if minutes is None:
        return "none"
    unit = next(unit for unit in "dhm" if minutes % _UNITS[unit] == 0)
    return f"{minutes // _UNITS[unit]}{unit}"


def pacing(text: str) -> Literal["none", "even"]:
    """The name of the way in which a brand's monthly budget is spread over its days."""
    return "even" if one_of("pacing", text, ("none", "even")) == "even" else "none"


def is_none(text: str) -> bool:
    """Whether the word that clears a value was written."""
    return text.lower() == "none"


def _date(text: str) -> date | None:
    """None for a text that is no date, or one before those that Spendgate takes."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    # fromisoformat takes other forms as well, such as 2025-W01-1.
    return found if found.isoformat() == text and found >= _EARLIEST_DATE else None


def _budget(what: str, micros: int | Refusal) -> int:
    if isinstance(micros, Refusal):
        _refuse(f"The {what} is refused ({micros.message}): write an amount such as 100.00, or none for no limit.")
    return micros


def _accepted(read: Callable[[], Window]) -> Window:
    try:
        return read()
    except ValueError as error:
        raise RefusedValue(str(error)) from error


def _refuse(sentence: str) -> NoReturn:
    raise RefusedValue(sentence)


def _quoted(text: str) -> str:
    """An error is one line, whatever was typed."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
