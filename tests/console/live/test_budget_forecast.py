"""When a budget will be gone: every edge of the formula."""

from datetime import date

import pytest

from console.live.budget_forecast import Forecast, ForecastKind, Sample, forecast, forecast_base, with_sample
from core.calendar import Zones, ZoneSpan, budget_day
from core.moment import HOUR, MINUTE, parse_moment

NEW_YORK: Zones = (ZoneSpan("America/New_York", None),)
START = parse_moment("2025-09-08T04:00:00Z")
END = START + 24 * HOUR
NOON = START + 12 * HOUR


def of_day(budget: int | None, spent: int, base: Sample | None, now: int = NOON, ends_at: int = END) -> Forecast:
    return forecast(budget, spent, base, now=now, ends_at=ends_at)


def test_half_of_the_budget_at_a_pace_of_a_tenth_an_hour_is_gone_in_five_hours() -> None:
    observed = of_day(100, 50, Sample(NOON - HOUR, 40))
    assert observed == Forecast(ForecastKind.RUNS_OUT, NOON + 5 * HOUR, 50 + 120)


def test_the_moment_is_rounded_up_so_that_the_budget_is_gone_by_it() -> None:
    observed = of_day(100, 50, Sample(NOON - 1000, 47))
    assert observed.runs_out_at == NOON + 16_667  # 50 micros at 3 a second


def test_a_pace_that_reaches_the_budget_as_the_day_ends_lasts_the_day() -> None:
    assert of_day(62, 50, Sample(NOON - HOUR, 49)).kind is ForecastKind.LASTS
    assert of_day(61, 50, Sample(NOON - HOUR, 49)).kind is ForecastKind.RUNS_OUT


def test_without_a_budget_there_is_nothing_to_foretell() -> None:
    assert of_day(None, 50, Sample(START, 0)) == Forecast(ForecastKind.UNLIMITED)


@pytest.mark.parametrize(("budget", "spent"), [(0, 0), (0, -10), (50, 50), (50, 51)])
def test_a_budget_of_zero_or_one_that_is_reached_is_gone(budget: int, spent: int) -> None:
    assert of_day(budget, spent, Sample(START, 0)) == Forecast(ForecastKind.EXHAUSTED)


@pytest.mark.parametrize("base", [None, Sample(NOON, 40), Sample(NOON - HOUR, 50), Sample(NOON - HOUR, 60)])
def test_no_base_no_spend_or_more_refunds_than_spend_since_the_base_is_no_pace(base: Sample | None) -> None:
    assert of_day(100, 50, base) == Forecast(ForecastKind.IDLE, at_end_micros=50)


def test_a_net_of_refunds_can_still_have_a_pace() -> None:
    assert of_day(100, -50, Sample(NOON - HOUR, -100)) == Forecast(
        ForecastKind.RUNS_OUT, NOON + 3 * HOUR, -50 + 12 * 50
    )


@pytest.mark.parametrize(("day", "hours"), [("2025-03-09", 23), ("2025-11-02", 25)])
def test_a_day_of_23_or_25_hours_lasts_as_long_as_it_is(day: str, hours: int) -> None:
    it = budget_day(NEW_YORK, parse_moment(f"{day}T18:00:00Z"))
    assert it.date == date.fromisoformat(day)
    now = it.starts_at + 12 * HOUR
    observed = of_day(1000, 12, Sample(it.starts_at, 0), now=now, ends_at=it.ends_at)
    assert observed == Forecast(ForecastKind.LASTS, at_end_micros=hours)


def test_after_the_end_nothing_more_is_added() -> None:
    assert of_day(100, 50, Sample(START, 0), now=END + HOUR) == Forecast(ForecastKind.LASTS, at_end_micros=50)


def test_the_base_is_the_newest_sample_that_is_an_hour_old() -> None:
    samples = [Sample(NOON - minutes * MINUTE, 100 - minutes) for minutes in (70, 65, 55, 10)]
    assert forecast_base(samples, START, NOON) == Sample(NOON - 65 * MINUTE, 35)


def test_in_the_first_hour_the_base_is_the_start_of_the_day() -> None:
    now = START + 40 * MINUTE
    assert forecast_base([Sample(START + 10 * MINUTE, 5)], START, now) == Sample(START, 0)


def test_in_the_first_minutes_there_is_no_base() -> None:
    assert forecast_base([], START, START + 4 * MINUTE) is None


def test_what_was_seen_yesterday_is_no_base() -> None:
    assert forecast_base([Sample(START - MINUTE, 90)], START, START + 2 * HOUR) == Sample(START, 0)


def test_a_console_that_has_just_started_takes_the_whole_day_and_then_what_it_has_seen() -> None:
    assert forecast_base([Sample(NOON, 50)], START, NOON + 4 * MINUTE) == Sample(START, 0)
    assert forecast_base([Sample(NOON, 50)], START, NOON + 6 * MINUTE) == Sample(NOON, 50)


def test_samples_are_kept_apart_and_only_as_long_as_a_pace_needs_them() -> None:
    samples: tuple[Sample, ...] = ()
    for minute in range(181):
        samples = with_sample(samples, Sample(START + minute * MINUTE, minute))
    assert [(it.at - START) // MINUTE for it in samples] == [*range(120, 181, 5)]
    assert forecast_base(samples, START, START + 180 * MINUTE) == Sample(START + 120 * MINUTE, 120)
