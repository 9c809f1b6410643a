"""The kinds of values in a catalog file, with the functions that read and write them. Pure: no I/O.

What is read comes from CSV, YAML or JSON: a text, or in the last two also null, true, false or a list. A value that is
not acceptable raises RefusedValue.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from msgspec import to_builtins

from core.errors import RefusedValue
from core.money import format_money
from core.overrides import Overrides, override_documents
from core.windows import Window, format_window, window_document
from models.tables.daypart_window import window_columns
from operations import validation
from operations.budget_overrides import override_text, overrides_from_text, upcoming
from operations.catalog_file.rows import Value

__all__ = [
    "CURRENCY",
    "DATE",
    "MONEY",
    "NAME",
    "OVERRIDES",
    "PACING",
    "PERCENTS",
    "SILENT_MINUTES",
    "SWITCH",
    "TEXT",
    "WINDOWS",
    "ZONE",
    "ValueKind",
    "windows_in_order",
]


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class ValueKind:
    """`read(column, value)` checks a value of a file; the others write a checked one."""

    read: Callable[[str, Value], Any]
    #: Writes the value as the catalog document and the history have it.
    document: Callable[[Any], Any] = _same
    #: Writes the value as a file has it: None, a bool, a text or a list of texts.
    plain: Callable[[Any], Value] | None = None
    #: Whether people choose the text, so that a spreadsheet might convert it.
    is_free_text: bool = False

    def in_file(self, value: Any) -> Value:
        written: Value = (self.plain or self.document)(value)
        return written


def windows_in_order(windows: Collection[Window]) -> tuple[Window, ...]:
    """The windows without repetitions, in the order of the database."""
    return tuple(sorted(set(windows), key=lambda it: tuple(window_columns(it).values())))


def _text(column: str, value: Value) -> str:
    if not isinstance(value, str):
        raise RefusedValue(f"{column} must be a text.")
    return value


def _name(column: str, value: Value) -> str:
    return "" if value is None else validation.name(_text(column, value))


def _text_or_none(column: str, value: Value) -> str | None:
    return None if value is None else validation.text_or_none(_text(column, value))


def _zone(column: str, value: Value) -> str:
    return validation.time_zone(_text(column, value))


def _currency(column: str, value: Value) -> str:
    return validation.currency(_text(column, value))


def _money(column: str, value: Value) -> int | None:
    return None if value is None else validation.budget(column, _text(column, value))


def _pacing(column: str, value: Value) -> str:
    return "none" if value is None else validation.pacing(_text(column, value).lower())


def _percents(column: str, value: Value) -> list[int] | None:
    if value is None:
        return None
    if isinstance(value, list):
        return validation.alert_percents_text(",".join(_text(column, it) for it in value) or "none")
    return validation.alert_percents_text(_text(column, value).replace(";", ","))


def _silent_minutes(column: str, value: Value) -> int | None:
    if value is None or validation.is_none(_text(column, value)):
        return None
    return validation.number(f"minutes for {column}", _text(column, value), least=5, most=10_080)


def _date(column: str, value: Value) -> date | None:
    return None if value is None else validation.date_or_none(column, _text(column, value))


_SWITCHES: Final = {"yes": True, "true": True, "no": False, "false": False}


def _switch(column: str, value: Value) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _SWITCHES:
        return _SWITCHES[value.lower()]
    raise RefusedValue(f"{column} must be yes or no.")


def _overrides(column: str, value: Value) -> Overrides:
    """The overrides of a brand or campaign: a monthly budget of a campaign is a fault of the row, not of the value."""
    if isinstance(value, list):
        value = ";".join(_text(column, it) for it in value)
    text = "" if value is None else _text(column, value)
    return overrides_from_text("" if validation.is_none(text) else text, has_monthly=True)


def _windows(column: str, value: Value) -> tuple[Window, ...]:
    if value is None:
        return ()
    given: list[Value] = [it.strip() for it in value.split(";")] if isinstance(value, str) else _list(column, value)
    if len(given) == 1 and isinstance(given[0], str) and validation.is_none(given[0]):
        return ()
    validation.window_count(len(given))
    return windows_in_order([_window(column, it) for it in given])


def _list(column: str, value: Value) -> list[Value]:
    if not isinstance(value, list):
        raise RefusedValue(f"{column} must be a list of texts such as 'mon-fri 09:00-17:00', or none.")
    return value


def _window(column: str, value: Value) -> Window:
    """A window as a text, or as an object of the catalog's documents."""
    if isinstance(value, Mapping):
        days, from_, to = value.get("days"), value.get("from"), value.get("to")
        if isinstance(days, list) and isinstance(from_, str) and isinstance(to, str) and len(value) == len(_WINDOW):
            return validation.window_document([_text(column, day) for day in days], from_, to)
        raise RefusedValue(f"A window in {column} has the fields {', '.join(_WINDOW)}.")
    return validation.window(_text(column, value))


_WINDOW: Final = ("days", "from", "to")

NAME: Final = ValueKind(_name, is_free_text=True)
TEXT: Final = ValueKind(_text_or_none, is_free_text=True)
ZONE: Final = ValueKind(_zone)
CURRENCY: Final = ValueKind(_currency)
SWITCH: Final = ValueKind(_switch)
MONEY: Final = ValueKind(_money, lambda micros: None if micros is None else format_money(micros))
PACING: Final = ValueKind(_pacing)
PERCENTS: Final = ValueKind(_percents, plain=lambda it: "default" if it is None else [str(percent) for percent in it])
SILENT_MINUTES: Final = ValueKind(_silent_minutes, plain=lambda minutes: None if minutes is None else str(minutes))
OVERRIDES: Final = ValueKind(
    _overrides,
    lambda overrides: to_builtins(override_documents(overrides)),
    lambda overrides: [override_text(*it) for it in upcoming(overrides, date.min)],
)
DATE: Final = ValueKind(_date, lambda day: None if day is None else day.isoformat())
WINDOWS: Final = ValueKind(
    _windows,
    lambda windows: [to_builtins(window_document(it)) for it in windows],
    lambda windows: [format_window(it) for it in windows],
)
