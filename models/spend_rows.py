"""The rows of spend that count, and those that were refused, as queries that stay with their indexes.

The view spend_counted says the same as `counted`, but the planner cannot page through a view in the order of an index.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, TypeAlias, TypedDict

from sqlalchemy import ColumnElement, Select, String, and_, cast, null, select, true
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from models.paging import storable
from models.spend_log import SpendLog, SpendRefusal, SpendRepeat

__all__ = [
    "Branch",
    "Columns",
    "SpendFilter",
    "again",
    "conditions",
    "first",
    "first_or_refused",
    "refused",
    "refused_first",
]

Columns: TypeAlias = ReadOnlyColumnCollection[str, Any]
#: The columns of a source of spend, and the query that has them with `reason` and `message`, null where it counts.
Branch: TypeAlias = tuple[Columns, Select[Any]]

_LOG: Final = SpendLog.__table__
_REPEAT: Final = SpendRepeat.__table__
_REFUSAL: Final = SpendRefusal.__table__

#: Of every branch, in this order; reason and message follow.
_COLUMNS: Final = tuple(column.name for column in _LOG.columns)
_POSITION: Final = ("topic", "partition", "record_offset")
_EVENT: Final = ("brand_id", "event_id")
_NO_TEXT: Final = cast(null(), String)


class SpendFilter(TypedDict, total=False):
    """What to look for; what is left out or None does not matter."""

    brand_id: str | None
    campaign_id: str | None
    event_id: str | None
    #: Days of the brand's own calendar, both inclusive.
    day_from: date | None
    day_until: date | None
    #: Milliseconds since the epoch, half open: since <= arrival < until.
    arrived_since: int | None
    arrived_until: int | None


def first() -> Branch:
    """The first record of each event, unless it was refused."""
    it = _REFUSAL.alias()
    is_refused = select(it).where(*_same(it.c, _LOG.c, (*_EVENT, *_POSITION))).exists()
    return _LOG.c, _with_reason(_LOG.c).where(~is_refused)


def first_or_refused() -> Branch:
    """The first record of each event, whatever became of it."""
    return _LOG.c, _with_reason(_LOG.c)


def again() -> Branch:
    """Of events whose first record was refused, the first later one that was not: that one counts."""
    it, other = _REPEAT.alias(), _REFUSAL.alias()
    is_refused = select(other).where(*_same(other.c, it.c, _POSITION)).exists()
    later = (
        select(it)
        .where(*_same(it.c, _LOG.c, _EVENT), ~is_refused)
        .order_by(*(it.c[name] for name in _POSITION))
        .limit(1)
        .lateral("again")
    )
    return later.c, _with_reason(later.c).select_from(_REFUSAL.join(_LOG, _refuses_first()).join(later, true()))


def refused_first() -> Branch:
    """First records that were refused."""
    return _LOG.c, _with_reason(_LOG.c, _REFUSAL.c).select_from(_REFUSAL.join(_LOG, _refuses_first()))


def refused() -> list[Branch]:
    """Every booked record that was refused; one of an unknown brand is booked when the brand is known."""
    on = and_(*_same(_REFUSAL.c, _REPEAT.c, _POSITION))
    repeats = _with_reason(_REPEAT.c, _REFUSAL.c).select_from(_REFUSAL.join(_REPEAT, on))
    return [refused_first(), (_REPEAT.c, repeats)]


def conditions(columns: Columns, wanted: SpendFilter) -> list[ColumnElement[bool]]:
    """The filter for the columns of one branch."""
    found: list[ColumnElement[bool]] = [
        columns[name] == storable(name.replace("_", " "), value)
        for name, value in (
            ("brand_id", wanted.get("brand_id")),
            ("campaign_id", wanted.get("campaign_id")),
            ("event_id", wanted.get("event_id")),
        )
        if value is not None
    ]
    if (day_from := wanted.get("day_from")) is not None:
        found.append(columns.booked_day >= day_from)
    if (day_until := wanted.get("day_until")) is not None:
        found.append(columns.booked_day <= day_until)
    if (since := wanted.get("arrived_since")) is not None:
        found.append(columns.arrived_at >= since)
    if (until := wanted.get("arrived_until")) is not None:
        found.append(columns.arrived_at < until)
    return found


def _with_reason(columns: Columns, refusal: Columns | None = None) -> Select[Any]:
    reason, message = (_NO_TEXT, _NO_TEXT) if refusal is None else (refusal.reason, refusal.message)
    return select(*(columns[name] for name in _COLUMNS), reason.label("reason"), message.label("message"))


def _refuses_first() -> ColumnElement[bool]:
    return and_(*_same(_REFUSAL.c, _LOG.c, (*_EVENT, *_POSITION)))


def _same(one: Columns, other: Columns, names: Sequence[str]) -> list[ColumnElement[bool]]:
    return [one[name] == other[name] for name in names]
