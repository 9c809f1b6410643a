"""The registry names the tasks of a set of zones."""

from schedulers.schedules import TICK, PeriodicTask, TaskKind, schedules_of


def test_every_zone_has_its_two_resets_and_there_is_one_tick_for_all() -> None:
    assert schedules_of(["UTC", "Asia/Karachi", "UTC"]) == (
        PeriodicTask(TaskKind.DAILY, "Asia/Karachi"),
        PeriodicTask(TaskKind.MONTHLY, "Asia/Karachi"),
        PeriodicTask(TaskKind.DAILY, "UTC"),
        PeriodicTask(TaskKind.MONTHLY, "UTC"),
        TICK,
    )


def test_the_tick_comes_without_any_zone() -> None:
    assert schedules_of([]) == (TICK,)
