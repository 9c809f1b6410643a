"""Queries of counted and refused spend rows, in a form that the planner answers by their indexes.

The view spend_counted says the same as `counted`, but the planner cannot page through a view in the order of an index.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, TypeAlias, TypedDict

from sqlalchemy import ColumnElement, FromClause, Select, String, and_, cast, literal, null, select, true, tuple_
from sqlalchemy.sql.selectable import LateralFromClause

from models.queries.paging import storable
from models.tables.spend_log import SpendLog, SpendRefusal, SpendRepeat

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

Columns: TypeAlias = Mapping[str, ColumnElement[Any]]
#: The columns of a source of spend, and the query that has them with `reason` and `message`, null where it counts.
Branch: TypeAlias = tuple[Columns, Select[Any]]

_LOG, _REPEAT, _REFUSAL = SpendLog.__table__, SpendRepeat.__table__, SpendRefusal.__table__

#: Of every branch, in this order; reason and message follow.
_COLUMNS: Final = tuple(column.name for column in _LOG.columns)
_POSITION: Final = ("incarnation", "partition", "record_offset")
_EVENT: Final = ("brand_id", "event_id")
_NO_TEXT: Final = cast(null(), String)


class SpendFilter(TypedDict, total=False):
    """Conditions on spend rows; a key that is missing or None adds none."""

    brand_id: str | None
    campaign_id: str | None
    event_id: str | None
    #: Days of the brand's own calendar, both inclusive.
    day_from: date | None
    day_until: date | None
    #: Milliseconds since the epoch, half open: since <= arrival < until.
    arrived_since: int | None
    arrived_until: int | None
    #: (incarnation, offset): rows up to this offset, inclusive, and all rows of earlier incarnations of the topic.
    up_to: tuple[int, int] | None


def first() -> Branch:
    """The first record of each event, unless it was refused."""
    it = _REFUSAL.alias()
    is_refused = select(it).where(*_same(_columns(it), _columns(_LOG), (*_EVENT, *_POSITION))).exists()
    return _columns(_LOG), _with_reason(_columns(_LOG)).where(~is_refused)


def first_or_refused() -> Branch:
    """The first record of each event, refused or not."""
    return _columns(_LOG), _with_reason(_columns(_LOG))


def again() -> Branch:
    """The counted records of events whose first record was refused: the first later one that was not."""
    other = _REFUSAL.alias()
    is_refused = select(other).where(*_same(_columns(other), _columns(_REPEAT), _POSITION)).exists()
    later = (
        select(_REPEAT)
        .where(*_same(_columns(_REPEAT), _columns(_REFUSAL), _EVENT), ~is_refused)
        .order_by(*(_REPEAT.c[name] for name in _POSITION))
        .limit(1)
        .lateral("again")
    )
    columns = _of_refusal(_columns(later))
    return columns, _with_reason(columns).select_from(_REFUSAL.join(later, true()).join(_looked_up(), true()))


def refused_first() -> Branch:
    """The first records of events that were refused."""
    log = _looked_up()
    columns = _of_refusal(_columns(log))
    return columns, _with_reason(columns, _columns(_REFUSAL)).select_from(_REFUSAL.join(log, true()))


def refused() -> list[Branch]:
    """Every booked record that was refused; one of an unknown brand is booked when the brand is known."""
    on = and_(*_same(_columns(_REFUSAL), _columns(_REPEAT), _POSITION))
    columns = _of_refusal(_columns(_REPEAT))
    return [
        refused_first(),
        (columns, _with_reason(columns, _columns(_REFUSAL)).select_from(_REFUSAL.join(_REPEAT, on))),
    ]


def conditions(columns: Columns, wanted: SpendFilter) -> list[ColumnElement[bool]]:
    """The SQL conditions of a filter on the columns of one branch."""
    names = ("brand_id", "campaign_id", "event_id")
    texts = {name: storable(name.replace("_", " "), wanted.get(name)) for name in names}  # type: ignore[arg-type]
    found: list[ColumnElement[bool]] = [columns[name] == text for name, text in texts.items() if text is not None]
    if (day_from := wanted.get("day_from")) is not None:
        found.append(columns["booked_day"] >= day_from)
    if (day_until := wanted.get("day_until")) is not None:
        found.append(columns["booked_day"] <= day_until)
    if (since := wanted.get("arrived_since")) is not None:
        found.append(columns["arrived_at"] >= since)
    if (until := wanted.get("arrived_until")) is not None:
        found.append(columns["arrived_at"] < until)
    if (up_to := wanted.get("up_to")) is not None:
        found.append(tuple_(columns["incarnation"], columns["record_offset"]) <= tuple_(*map(literal, up_to)))
    return found


def _looked_up() -> LateralFromClause:
    """The first record of a refusal's event, if it is the refused one, by one lookup in one index. With a plain join
    the planner would read the whole table, because it cannot know that each lookup is in one partition."""
    return (
        select(_LOG).where(*_same(_columns(_LOG), _columns(_REFUSAL), (*_EVENT, *_POSITION))).limit(1).lateral("first")
    )


def _of_refusal(columns: Columns) -> Columns:
    """The columns of a refusal; brand and event are the refusal's own, so that a filter can use its index."""
    return {**columns, **{name: _REFUSAL.c[name] for name in _EVENT}}


def _with_reason(columns: Columns, refusal: Columns | None = None) -> Select[Any]:
    reason, message = (_NO_TEXT, _NO_TEXT) if refusal is None else (refusal["reason"], refusal["message"])
    return select(*(columns[name] for name in _COLUMNS), reason.label("reason"), message.label("message"))


def _columns(source: FromClause) -> Columns:
    return dict(source.c.items())


def _same(one: Columns, other: Columns, names: Sequence[str]) -> list[ColumnElement[bool]]:
    return [one[name] == other[name] for name in names]
