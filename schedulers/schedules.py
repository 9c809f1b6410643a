"""Every periodic task, with its cron expression in local wall clock time."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["NIGHTLY_RECONCILE", "TICK", "PeriodicTask", "TaskKind", "resets_of", "schedules_of"]


class TaskKind(StrEnum):
    TICK = "tick"  # wakes the windows and flights, each minute
    DAILY = "daily"  # a local day begins
    MONTHLY = "monthly"  # a local month begins
    RECONCILE = "reconcile"  # controller and ledger are compared; published nowhere


CRON: Final = {
    TaskKind.TICK: "* * * * *",
    TaskKind.DAILY: "0 0 * * *",
    TaskKind.MONTHLY: "0 0 1 * *",
    TaskKind.RECONCILE: "30 3 * * *",
}


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """A task and the time zone of its cron expression."""

    kind: TaskKind
    time_zone: str

    @property
    def cron(self) -> str:
        return CRON[self.kind]


TICK: Final = PeriodicTask(TaskKind.TICK, "UTC")
NIGHTLY_RECONCILE: Final = PeriodicTask(TaskKind.RECONCILE, "UTC")


def resets_of(time_zone: str) -> tuple[PeriodicTask, ...]:
    return PeriodicTask(TaskKind.DAILY, time_zone), PeriodicTask(TaskKind.MONTHLY, time_zone)


def schedules_of(time_zones: Iterable[str]) -> tuple[PeriodicTask, ...]:
    """The resets of each zone, then the tick: a period begins before anything is decided in it."""
    resets = (schedule for time_zone in sorted(set(time_zones)) for schedule in resets_of(time_zone))
    return (*resets, TICK)
