"""Every periodic task on one screen: what it is called and when its wall clock says that it is due."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["NIGHTLY_RECONCILE", "TICK", "Kind", "Schedule", "resets_of", "schedules_of"]


class Kind(StrEnum):
    TICK = "tick"  # wakes the windows and flights, each minute
    DAILY = "daily"  # a local day begins
    MONTHLY = "monthly"  # a local month begins
    RECONCILE = "reconcile"  # controller and ledger are compared; published nowhere


CRON: Final = {
    Kind.TICK: "* * * * *",
    Kind.DAILY: "0 0 * * *",
    Kind.MONTHLY: "0 0 1 * *",
    Kind.RECONCILE: "30 3 * * *",
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A task and the time zone whose wall clock it follows."""

    kind: Kind
    time_zone: str

    @property
    def cron(self) -> str:
        return CRON[self.kind]


TICK: Final = Schedule(Kind.TICK, "UTC")
NIGHTLY_RECONCILE: Final = Schedule(Kind.RECONCILE, "UTC")


def resets_of(time_zone: str) -> tuple[Schedule, ...]:
    return Schedule(Kind.DAILY, time_zone), Schedule(Kind.MONTHLY, time_zone)


def schedules_of(time_zones: Iterable[str]) -> tuple[Schedule, ...]:
    """The resets of each zone before the tick, as a period begins before anything is decided in it."""
    resets = (schedule for time_zone in sorted(set(time_zones)) for schedule in resets_of(time_zone))
    return (*resets, TICK)
