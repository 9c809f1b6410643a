"""The registry names the tasks of a set of zones."""

from schedulers.schedules import TICK, Kind, Schedule, schedules_of


def test_every_zone_has_its_two_resets_and_there_is_one_tick_for_all() -> None:
    assert schedules_of(["UTC", "Asia/Karachi", "UTC"]) == (
        Schedule(Kind.DAILY, "Asia/Karachi"),
        Schedule(Kind.MONTHLY, "Asia/Karachi"),
        Schedule(Kind.DAILY, "UTC"),
        Schedule(Kind.MONTHLY, "UTC"),
        TICK,
    )


def test_the_tick_comes_without_any_zone() -> None:
    assert schedules_of([]) == (TICK,)
