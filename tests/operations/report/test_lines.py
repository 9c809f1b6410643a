"""Lines of a report from days, bands and budgets."""

from datetime import date

import pytest

from core.calendar import Day
from core.dayparting import Schedule
from core.moment import ALWAYS, HOUR
from core.money import MICROS
from core.overrides import Override, Overrides
from operations.report.lines import DayLine, campaign_lines, on_off_of
from operations.timeline.bands import Band, BandState
from operations.timeline.past_config import Budgets, PastConfig, PastConfigs

FIRST, SECOND_DAY = date(2025, 9, 8), date(2025, 9, 9)
DAYS = [Day(FIRST, 0, 24 * HOUR), Day(SECOND_DAY, 24 * HOUR, 48 * HOUR)]


def band(from_hour: float, until: float, state: BandState = BandState.RUNNING, *reasons: str) -> Band:
    return Band(starts_at=int(from_hour * HOUR), ends_at=int(until * HOUR), state=state, reasons=reasons)


def config(since: int, budgets: Budgets) -> PastConfig:
    return PastConfig(since, True, False, Schedule(), of_campaign=budgets)


def lines(spent: dict[date, int], until: float = 48, configs: PastConfigs | None = None) -> list[DayLine]:
    bands = [band(0, 20), band(20, 30, BandState.PAUSED, "daily_budget", "schedule"), band(30, 48)]
    return list(campaign_lines(DAYS, bands, configs, spent, int(until * HOUR)))


def test_a_day_has_its_spend_budget_and_hours() -> None:
    configs = PastConfigs([config(ALWAYS, Budgets(5 * MICROS))])
    first, second = lines({FIRST: 7 * MICROS}, configs=configs)
    assert (first.spent_micros, first.budget_micros, first.variance_micros) == (7 * MICROS, 5 * MICROS, 2 * MICROS)
    assert (first.on_off.on, first.on_off.off) == (20 * 3600, 4 * 3600)
    assert first.on_off.off_by_reason == {"daily_budget": 4 * 3600, "schedule": 4 * 3600}
    assert (second.spent_micros, second.variance_micros, second.on_off.on) == (0, -5 * MICROS, 18 * 3600)


def test_the_budget_is_that_in_force_when_the_day_ended() -> None:
    """A raise in the middle of the day counts for it, one after it does not; overrides are of their dates."""
    later = Budgets(9 * MICROS, overrides=Overrides((Override(SECOND_DAY, SECOND_DAY, None),)))
    configs = PastConfigs([config(ALWAYS, Budgets(5 * MICROS)), config(23 * HOUR, later)])
    assert [it.budget_micros for it in lines({}, configs=configs)] == [9 * MICROS, None]
    assert [it.variance_micros for it in lines({}, configs=configs)] == [-9 * MICROS, None]
    configs = PastConfigs([config(ALWAYS, Budgets(5 * MICROS)), config(24 * HOUR, later)])
    assert lines({}, configs=configs)[0].budget_micros == 5 * MICROS


def test_a_day_ahead_has_a_line_only_where_something_is_booked_to_it() -> None:
    assert [it.day for it in lines({}, until=12)] == [FIRST]
    assert [it.day for it in lines({SECOND_DAY: 1}, until=12)] == [FIRST, SECOND_DAY]


def test_a_day_that_a_zone_skips_has_no_line() -> None:
    skipped = [Day(FIRST, 0, 0)]
    assert list(campaign_lines(skipped, [], None, {}, 48 * HOUR)) == []


@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        ([], (0, 0, 0)),
        ([band(-5, 5)], (5, 0, 0)),
        ([band(20, 30, BandState.UNKNOWN)], (0, 0, 4)),
        ([band(24, 30)], (0, 0, 0)),
    ],
)
def test_bands_are_cut_at_the_day(bands: list[Band], expected: tuple[int, int, int]) -> None:
    found = on_off_of(bands, 0, 24 * HOUR)
    assert (found.on / 3600, found.off / 3600, found.unknown / 3600) == expected
