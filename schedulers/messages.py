"""The messages of `dayparting-ticks` and `budget-resets` for schedules that are due."""

from typing import NamedTuple

from core.moment import Moment, format_moment
from core.records import BudgetReset, DaypartingTick, ResetKind
from schedulers.schedules import PeriodicTask, TaskKind
from schedulers.ticks_due import Due
from streams.kafka.codec import encode
from streams.kafka.topics import Topic

__all__ = ["ScheduledMessage", "message_of", "reset_message", "tick_message", "topic_of"]


class ScheduledMessage(NamedTuple):
    """A message and the topic to each of whose partitions it goes."""

    topic: Topic
    value: bytes


def topic_of(schedule: PeriodicTask) -> Topic:
    return Topic.DAYPARTING_TICKS if schedule.kind is TaskKind.TICK else Topic.BUDGET_RESETS


def message_of(schedule: PeriodicTask, due: Due) -> ScheduledMessage:
    """The message of a schedule that is due; two schedulers make the same bytes."""
    if schedule.kind is TaskKind.TICK:
        return ScheduledMessage(topic_of(schedule), encode(tick_message(due.due_at)))
    return ScheduledMessage(
        topic_of(schedule), encode(reset_message(ResetKind(schedule.kind), schedule.time_zone, due))
    )


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
