"""The filters of lists, read from the query by the rules of the command line. Pure."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from console.pages.admin.history import FIELD_LABELS
from console.pages.admin.paging import filter_text
from core.calendar import day_starts_at
from core.errors import RefusedValue
from core.records import Action
from core.refusal import RefusalReason
from operations import validation
from operations.reason_words import REASON_WORDS

__all__ = ["CHANGES", "COMMANDS", "DEAD_LETTERS", "SPEND", "Filters", "Reader", "read_filters"]

#: The argument of the query function, and how the text is read.
Reader = tuple[str, Callable[[str], Any]]


class Filters(NamedTuple):
    texts: dict[str, str]
    values: dict[str, Any]
    errors: dict[str, str]


def read_filters(readers: Mapping[str, Reader], query: Mapping[str, str]) -> Filters:
    """A blank input is no filter."""
    found = Filters({}, {}, {})
    for name, (argument, read) in readers.items():
        text = found.texts[name] = filter_text(query, name) or ""
        try:
            if text:
                found.values[argument] = read(text)
        except RefusedValue as error:
            found.errors[name] = str(error)
    return found


def _day(text: str) -> date:
    return validation.day("this filter", text)


_BRAND: Final[Reader] = ("brand_id", lambda text: validation.identifier("brand", text))
_CAMPAIGN: Final[Reader] = ("campaign_id", lambda text: validation.identifier("campaign", text))

#: By the name of the input. Days are of the brand's calendar.
SPEND: Final[dict[str, Reader]] = {
    "brand": _BRAND,
    "campaign": _CAMPAIGN,
    "event": ("event_id", str),
    "from": ("day_from", _day),
    "until": ("day_until", _day),
}
#: Days of UTC, because the commands of many brands stand side by side; both inclusive.
COMMANDS: Final[dict[str, Reader]] = {
    "brand": _BRAND,
    "campaign": _CAMPAIGN,
    "action": ("action", lambda text: validation.one_of("action", text, list(Action))),
    "reason": ("reason", lambda text: validation.one_of("reason", text, list(REASON_WORDS))),
    "from": ("decided_since", lambda text: day_starts_at("UTC", _day(text))),
    "until": ("decided_until", lambda text: day_starts_at("UTC", _day(text) + timedelta(days=1))),
}
#: Days of UTC, as of commands.
CHANGES: Final[dict[str, Reader]] = {
    "brand": _BRAND,
    "campaign": _CAMPAIGN,
    "person": ("actor", str),
    "field": ("field", lambda text: validation.one_of("field", text, list(FIELD_LABELS))),
    "note": ("note", str),
    "from": ("changed_since", lambda text: day_starts_at("UTC", _day(text))),
    "until": ("changed_until", lambda text: day_starts_at("UTC", _day(text) + timedelta(days=1))),
}
DEAD_LETTERS: Final[dict[str, Reader]] = {
    "brand": _BRAND,
    "reason": ("reason", lambda text: validation.one_of("reason", text, list(RefusalReason))),
}
