"""The fields of brands and campaigns: how each is labelled, and by which rule its text is read. No I/O."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from console import validation
from streams.core.money import format_money
from streams.errors import RefusedValue

__all__ = [
    "BRAND",
    "CAMPAIGN",
    "NEW_BRAND",
    "NEW_CAMPAIGN",
    "Field",
    "Kind",
    "Reading",
    "read_form",
    "texts_of",
    "value_text",
]


class Kind(StrEnum):
    """What sort of input it is."""

    TEXT = "text"
    MONEY = "money"
    DATE = "date"
    TIME_ZONE = "time_zone"


@dataclass(frozen=True, slots=True)
class Field:
    """`read` makes the value of a text or raises RefusedValue with the sentence that stands beside the input."""

    #: Of the input, of the history, and of the catalog document.
    name: str
    label: str
    read: Callable[[str], object]
    kind: Kind = Kind.TEXT
    hint: str = ""
    required: bool = False
    #: Of the row, where it has another name.
    attribute: str = ""

    @property
    def key(self) -> str:
        return self.attribute or self.name


class Reading(NamedTuple):
    """A form as it was sent: the texts, and of each field either the value, by attribute, or the error, by name."""

    texts: dict[str, str]
    values: dict[str, object]
    errors: dict[str, str]


def _or_none(read: Callable[[str, str], object], what: str) -> Callable[[str], object]:
    """On a page an empty input is what the word `none` is on the command line."""
    return lambda text: read(what, text or "none")


def _budget(name: str, label: str) -> Field:
    hint = "An amount such as 100.00. Empty: unlimited. 0: nothing may be spent, so it is paused at once."
    return Field(name, label, _or_none(validation.budget, label.lower()), Kind.MONEY, hint, attribute=f"{name}_micros")


def _id(what: str, hint: str) -> Field:
    return Field(
        f"{what}_id",
        f"{what.capitalize()} id",
        lambda text: validation.identifier(what, text),
        hint=hint,
        required=True,
    )


_ID_HINT: Final = "1 to 64 of A-Z a-z 0-9 . _ : - and never changed or used again."
_NAME: Final = Field("name", "Name", validation.name, hint="What people call it.")
#: An input that is empty clears a value; one that is missing must not.
_NOT_SENT: Final = "Nothing was chosen here: choose a version or write a value."
_DATE_HINT: Final = "In the brand's time zone, the day itself included. Empty: open."

BRAND: Final[tuple[Field, ...]] = (
    _NAME,
    Field(
        "time_zone",
        "Time zone",
        validation.time_zone,
        Kind.TIME_ZONE,
        "An IANA name such as America/New_York; days, months and windows go by its clock.",
        required=True,
    ),
    _budget("daily_budget", "Daily budget"),
    _budget("monthly_budget", "Monthly budget"),
)
NEW_BRAND: Final[tuple[Field, ...]] = (
    _id("brand", _ID_HINT),
    *BRAND[:2],
    Field(
        "currency",
        "Currency",
        validation.currency,
        hint="Three letters of ISO 4217 such as USD. It cannot be changed later.",
        required=True,
    ),
    *BRAND[2:],
)
CAMPAIGN: Final[tuple[Field, ...]] = (
    _NAME,
    Field(
        "external_id",
        "External id",
        lambda text: validation.text_or_none(text or "none"),
        hint="Its id on the advertising platform. Empty: none.",
    ),
    _budget("daily_budget", "Daily budget"),
    _budget("total_budget", "Total budget"),
    Field("starts_on", "Starts on", _or_none(validation.date_or_none, "the start"), Kind.DATE, _DATE_HINT),
    Field("ends_on", "Ends on", _or_none(validation.date_or_none, "the end"), Kind.DATE, _DATE_HINT),
)
NEW_CAMPAIGN: Final[tuple[Field, ...]] = (
    _id("campaign", _ID_HINT),
    _id("brand", "The brand that it belongs to, for ever."),
    *CAMPAIGN,
)


def read_form(fields: Sequence[Field], form: Mapping[str, object]) -> Reading:
    """Every field is read, so that all that is wrong is said at once."""
    reading = Reading({}, {}, {})
    for field in fields:
        value = form.get(field.name)
        if not isinstance(value, str):
            reading.texts[field.name], reading.errors[field.name] = "", _NOT_SENT
            continue
        text = reading.texts[field.name] = value.strip()
        try:
            reading.values[field.key] = field.read(text)
        except RefusedValue as error:
            reading.errors[field.name] = str(error)
    _check_flight(reading)
    return reading


def texts_of(fields: Sequence[Field], row: object) -> dict[str, str]:
    """What the inputs hold for a row of the catalog."""
    return {field.name: value_text(field, getattr(row, field.key)) for field in fields}


def value_text(field: Field, value: object) -> str:
    """What an input holds for a value."""
    if value is None:
        return ""
    return format_money(value) if field.kind is Kind.MONEY and isinstance(value, int) else str(value)


def _check_flight(reading: Reading) -> None:
    starts_on, ends_on = reading.values.get("starts_on"), reading.values.get("ends_on")
    if isinstance(starts_on, date) and isinstance(ends_on, date):
        try:
            validation.flight(starts_on, ends_on)
        except RefusedValue as error:
            reading.errors["ends_on"] = str(error)
