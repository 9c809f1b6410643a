"""What is told when a schedule is due: the messages of `dayparting-ticks` and `budget-resets`."""

from typing import NamedTuple

from schedulers.schedules import Kind, Schedule
from schedulers.ticks_due import Due
from streams.core.moment import Moment, format_moment
from streams.core.records import BudgetReset, DaypartingTick, ResetKind
from streams.records import encode
from streams.topics import Topic

__all__ = ["Outgoing", "message_of", "reset_message", "tick_message"]


class Outgoing(NamedTuple):
    """A message and the topic to each of whose partitions it goes."""

    topic: Topic
    value: bytes


def message_of(schedule: Schedule, due: Due) -> Outgoing:
    """The same bytes whoever builds them, so that two schedulers say one thing."""
    if schedule.kind is Kind.TICK:
        return Outgoing(Topic.DAYPARTING_TICKS, encode(tick_message(due.due_at)))
    return Outgoing(Topic.BUDGET_RESETS, encode(reset_message(ResetKind(schedule.kind), schedule.time_zone, due)))


def tick_message(due_at: Moment) -> DaypartingTick:
    moment = format_moment(due_at)
    return DaypartingTick(tick_id=moment, due_at=moment)


def reset_message(kind: ResetKind, time_zone: str, due: Due) -> BudgetReset:
    """Named by the period that begins, not by the moment: a zone may skip a midnight, never a name."""
    day = due.wall.date().isoformat()
    period = day if kind is ResetKind.DAILY else day[: len("2025-09")]
    return BudgetReset(
        reset_id=f"{kind}:{time_zone}:{period}",
        kind=kind,
        time_zone=time_zone,
        period=period,
        due_at=format_moment(due.due_at),
    )
