"""The form fields of brands and campaigns: label, hint, and how the text is read. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from core.errors import RefusedValue
from core.money import format_money
from core.overrides import Overrides
from operations import validation
from operations.budget_overrides import overrides_from_text, overrides_text

__all__ = [
    "BRAND",
    "CAMPAIGN",
    "NEW_BRAND",
    "NEW_CAMPAIGN",
    "CheckedForm",
    "Field",
    "InputKind",
    "read_form",
    "texts_of",
    "value_text",
]


class InputKind(StrEnum):
    """Which input element a field has."""

    TEXT = "text"
    MONEY = "money"
    DATE = "date"
    TIME_ZONE = "time_zone"


@dataclass(frozen=True, slots=True)
class Field:
    """`read` returns the value of a text or raises RefusedValue, whose message is shown beside the input."""

    #: The name of the input, in the history and in the catalog document.
    name: str
    label: str
    read: Callable[[str], object]
    kind: InputKind = InputKind.TEXT
    hint: str = ""
    required: bool = False
    #: The attribute of the row, where it has another name.
    attribute: str = ""
    #: The text of a value other than None, where it is not the value's own.
    write: Callable[[object], str] = str

    @property
    def key(self) -> str:
        return self.attribute or self.name


class CheckedForm(NamedTuple):
    """A form as sent: texts by field name, valid values by attribute, and errors by field name."""

    texts: dict[str, str]
    values: dict[str, object]
    errors: dict[str, str]


def _or_none(read: Callable[[str, str], object], what: str) -> Callable[[str], object]:
    """An empty input means what `none` means on the command line."""
    return lambda text: read(what, text or "none")


def _budget(name: str, label: str) -> Field:
    hint = "An amount such as 100.00. Empty: unlimited. 0: nothing may be spent, so it is paused at once."
    return Field(
        name, label, _or_none(validation.budget, label.lower()), InputKind.MONEY, hint, attribute=f"{name}_micros"
    )


def _overrides(example: str, *, has_monthly: bool) -> Field:
    return Field(
        "budget_overrides",
        "Budgets for certain dates",
        lambda text: overrides_from_text(text, has_monthly=has_monthly),
        hint=f"In place of the usual ones: {example}. Empty: none.",
        write=lambda value: overrides_text(value) if isinstance(value, Overrides) else "",
    )


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
#: An empty input clears a value; a missing one is an error.
_NOT_SENT: Final = "Nothing was chosen here: choose a version or write a value."
_DATE_HINT: Final = "In the brand's time zone, the day itself included. Empty: open."

BRAND: Final[tuple[Field, ...]] = (
    _NAME,
    Field(
        "time_zone",
        "Time zone",
        validation.time_zone,
        InputKind.TIME_ZONE,
        "An IANA name such as America/New_York; days, months and windows go by its clock.",
        required=True,
    ),
    _budget("daily_budget", "Daily budget"),
    _budget("monthly_budget", "Monthly budget"),
    Field(
        "pacing",
        "Pacing",
        lambda text: validation.pacing(text or "none"),
        hint="even: each day may spend its share of what is left of the month. Empty: none.",
        write=lambda value: "even" if value == "even" else "",
    ),
    _overrides("such as 2026-11-27..2026-11-30 daily=500; 2026-12-01..2026-12-31 monthly=9000", has_monthly=True),
    Field(
        "alert_percents",
        "Alert at percentages",
        lambda text: validation.alert_percents_text(text or "default"),
        hint="Of each budget, such as 50,80,100. Empty: 80 and 100. none: no such alerts.",
        write=lambda value: validation.alert_percents_words(value) if isinstance(value, list) else "",
    ),
    Field(
        "silent_after_minutes",
        "Silent after",
        lambda text: validation.silent_after(text or "none"),
        hint="Alert after such a time without spend while a campaign may run: 90m, 3h, 2d. Empty: never.",
        write=lambda value: validation.silent_after_text(value) if isinstance(value, int) else "",
    ),
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
    _overrides("such as 2026-11-27..2026-11-30 daily=500", has_monthly=False),
    Field("starts_on", "Starts on", _or_none(validation.date_or_none, "the start"), InputKind.DATE, _DATE_HINT),
    Field("ends_on", "Ends on", _or_none(validation.date_or_none, "the end"), InputKind.DATE, _DATE_HINT),
)
NEW_CAMPAIGN: Final[tuple[Field, ...]] = (
    _id("campaign", _ID_HINT),
    _id("brand", "The brand that it belongs to, for ever."),
    *CAMPAIGN,
)


def read_form(fields: Sequence[Field], form: Mapping[str, object]) -> CheckedForm:
    """Reads every field, so that all errors are shown at once."""
    checked = CheckedForm({}, {}, {})
    for field in fields:
        value = form.get(field.name)
        if not isinstance(value, str):
            checked.texts[field.name], checked.errors[field.name] = "", _NOT_SENT
            continue
        text = checked.texts[field.name] = value.strip()
        try:
            checked.values[field.key] = field.read(text)
        except RefusedValue as error:
            checked.errors[field.name] = str(error)
    _check_flight(checked)
    return checked


def texts_of(fields: Sequence[Field], row: object) -> dict[str, str]:
    """What the inputs hold for a row of the catalog."""
    return {field.name: value_text(field, getattr(row, field.key)) for field in fields}


def value_text(field: Field, value: object) -> str:
    """What an input holds for a value."""
    if value is None:
        return ""
    return format_money(value) if field.kind is InputKind.MONEY and isinstance(value, int) else field.write(value)


def _check_flight(checked: CheckedForm) -> None:
    starts_on, ends_on = checked.values.get("starts_on"), checked.values.get("ends_on")
    if isinstance(starts_on, date) and isinstance(ends_on, date):
        try:
            validation.flight(starts_on, ends_on)
        except RefusedValue as error:
            checked.errors["ends_on"] = str(error)
