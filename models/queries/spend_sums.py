"""Sums of counted spend, in micros.

All first records are summed by an index-only scan; the few that were refused are subtracted, and the records that count
in their place are added.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple, Unpack

from sqlalchemy import ColumnElement, Numeric, Select, func, literal, select, type_coerce, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from models.queries.spend_rows import (
    Branch,
    Columns,
    SpendFilter,
    again,
    conditions,
    first_or_refused,
    refused,
    refused_first,
)
from models.tables.types import MomentColumn, MoneyColumn

__all__ = [
    "SpendSum",
    "SpendTotal",
    "spend_between_moments",
    "spend_by_campaign_and_day",
    "spend_by_hour",
    "spend_total",
]

_HOUR_SECONDS: Final = 3_600


class SpendTotal(NamedTuple):
    events: int
    micros: int


class SpendSum(NamedTuple):
    """Net spend of a campaign that is booked to a day."""

    campaign_id: str
    day: date
    events: int
    micros: int


def spend_by_campaign_and_day(
    session: Session, *, brand_id: str, day_from: date, day_until: date, campaign_id: str | None = None
) -> list[SpendSum]:
    """The sum of each campaign and day that has events which count, by campaign, then by day."""
    wanted = SpendFilter(brand_id=brand_id, campaign_id=campaign_id, day_from=day_from, day_until=day_until)
    parts = []
    for sign, (columns, query) in _counted():
        keys = (columns["campaign_id"].label("campaign_id"), columns["booked_day"].label("day"))
        sums = (*keys, (sign * func.count()).label("events"), _sum(sign, columns["amount"]))
        parts.append(query.with_only_columns(*sums).where(*conditions(columns, wanted)).group_by(*keys))
    every = union_all(*parts).subquery()
    campaign, day, events = every.c.campaign_id, every.c.day, func.sum(every.c.events)
    found = select(campaign, day, events, type_coerce(func.sum(every.c.micros), MoneyColumn)).group_by(campaign, day)
    rows = session.execute(found.having(events > 0).order_by(campaign, day))
    return [SpendSum(row[0], row[1], int(row[2]), row[3]) for row in rows]


def spend_total(session: Session, *, only_refused: bool = False, **wanted: Unpack[SpendFilter]) -> SpendTotal:
    """The number of events and the micros of all counted spend, or of all refused spend."""
    signed_branches = [(1, branch) for branch in refused()] if only_refused else _counted()
    [(events, micros, _)] = _sums(session, signed_branches, wanted)
    return SpendTotal(events, micros)


def spend_by_hour(
    session: Session,
    *,
    brand_id: str,
    day: date,
    day_starts_at: int,
    campaign_id: str | None = None,
    step_seconds: int = _HOUR_SECONDS,
) -> list[tuple[int, int]]:
    """(start, micros) of each step of a brand's day in which anything was spent, in order. Steps are counted from
    `day_starts_at`, a moment, because a day need not begin on an hour of UTC nor have 24 of them."""
    step = func.make_interval(0, 0, 0, 0, 0, 0, step_seconds)
    origin = literal(day_starts_at, MomentColumn)

    def hour(columns: Columns) -> ColumnElement[Any]:
        return type_coerce(func.date_bin(step, columns["occurred_at"], origin), MomentColumn)

    wanted: SpendFilter = {"brand_id": brand_id, "campaign_id": campaign_id, "day_from": day, "day_until": day}
    return [(start, micros) for _, micros, start in _sums(session, _counted(), wanted, hour)]


def spend_between_moments(
    session: Session, moments: Sequence[int], *, brand_id: str, campaign_id: str, day_from: date, day_until: date
) -> list[int]:
    """Micros of what occurred between each two neighbours of rising moments, the first of each two included: one sum
    fewer than there are moments. `day_from` and `day_until` are the days to which that may be booked."""
    limits = literal(list(moments), ARRAY(MomentColumn))

    def number(columns: Columns) -> ColumnElement[Any]:
        return func.width_bucket(columns["occurred_at"], limits)

    wanted = SpendFilter(brand_id=brand_id, campaign_id=campaign_id, day_from=day_from, day_until=day_until)
    found = {bucket: micros for _, micros, bucket in _sums(session, _counted(), wanted, number)}
    return [found.get(bucket, 0) for bucket in range(1, len(moments))]


def _counted() -> list[tuple[int, Branch]]:
    return [(1, first_or_refused()), (-1, refused_first()), (1, again())]


def _sums(
    session: Session,
    signed_branches: list[tuple[int, Branch]],
    wanted: SpendFilter,
    group: Callable[[Columns], ColumnElement[Any]] | None = None,
) -> list[tuple[int, int, Any]]:
    """(events, micros, group) in the order of the groups; branches with the sign -1 are subtracted."""
    parts = []
    for sign, (columns, query) in signed_branches:
        grouped = literal(0) if group is None else group(columns)
        sums = query.with_only_columns(
            grouped.label("grouped"), (sign * func.count()).label("events"), _sum(sign, columns["amount"])
        ).where(*conditions(columns, wanted))
        parts.append(sums if group is None else sums.group_by(grouped))
    every = union_all(*parts).subquery()
    total = type_coerce(func.coalesce(func.sum(every.c.micros), 0), MoneyColumn)
    events = func.sum(every.c.events)
    totals: Select[Any] = select(events, total, every.c.grouped).group_by(every.c.grouped).order_by(every.c.grouped)
    if group is not None:  # a group all of which was refused is none
        totals = totals.having(events > 0)
    return [(int(row[0]), row[1], row[2]) for row in session.execute(totals)]


def _sum(sign: int, amount: ColumnElement[Any]) -> ColumnElement[Any]:
    """The sum of a branch as NUMERIC, with its sign."""
    return (sign * type_coerce(func.coalesce(func.sum(amount), 0), Numeric)).label("micros")
