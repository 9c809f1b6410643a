"""Thousands of windows of one campaign come to what each of them does, and stop no partition."""

import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.calendar import ZoneSpan
from core.dayparting import Schedule, openness
from core.decide_catalog import decide_campaign
from core.decide_time import Tick, decide_tick
from core.moment import HOUR, MINUTE, Moment
from core.reasons import Reason
from core.state import Origin
from core.windows import DAY_NAMES, END_OF_DAY, Window, format_minute, format_window, merged, parse_window
from tests.core.clock_changes import at
from tests.core.scenario import Scenario
from tests.lengths import length

NOW = at("2025-09-08T09:30:00Z")
MANY = length(20_000, 50_000)

minutes = st.integers(0, END_OF_DAY - 1) | st.sampled_from([0, 60, 90, 120, 150, 180, 1439])
sets_of_windows = st.lists(
    st.builds(
        Window,
        st.lists(st.integers(0, 6), min_size=1, unique=True).map(lambda days: tuple(sorted(days))),
        minutes,
        minutes | st.just(END_OF_DAY),
    ).filter(lambda window: window.from_minute != window.to_minute),
    min_size=1,
    max_size=12,
).map(tuple)
#: In zones whose clocks change at midnight, over midnight, by half an hour and by a whole day.
changes_of_clocks = st.sampled_from(
    [
        ("America/Havana", at("2025-11-02T05:00:00Z")),
        ("America/Havana", at("2025-03-09T05:00:00Z")),
        ("America/Santiago", at("2025-09-07T04:00:00Z")),
        ("Australia/Lord_Howe", at("2025-04-05T15:00:00Z")),
        ("America/New_York", at("2025-11-02T06:00:00Z")),
        ("Pacific/Apia", at("2011-12-30T10:00:00Z")),
        ("UTC", NOW),
    ]
)


def test_windows_that_touch_or_overlap_are_one_on_each_of_their_days() -> None:
    texts = ("mon,tue 09:00-12:00", "mon 11:00-17:00", "tue 12:00-13:00", "tue 14:00-15:00", "sun 22:00-02:00")
    windows = tuple(map(parse_window, (*texts, "sun 23:00-01:00")))
    assert [format_window(it) for it in merged(windows)] == [
        "mon 09:00-17:00",
        "tue 09:00-13:00",
        "tue 14:00-15:00",
        "sun 22:00-02:00",
    ]


@given(windows=sets_of_windows, change=changes_of_clocks, after=st.integers(-2 * 24 * 60, 2 * 24 * 60))
def test_windows_together_are_open_when_one_of_them_is(
    windows: tuple[Window, ...], change: tuple[str, Moment], after: int
) -> None:
    time_zone, changes_at = change
    moment, zones = changes_at + after * MINUTE, (ZoneSpan(time_zone, None),)
    each = any(openness(Schedule((window,)), zones, moment).in_window for window in windows)
    assert openness(Schedule(windows), zones, moment).in_window is each
    assert openness(Schedule(merged(windows)), zones, moment).in_window is each


def touching(number: int) -> tuple[int, int, int]:
    minute = number % (END_OF_DAY - 1)
    return number // END_OF_DAY % 7, minute, minute + 1


def apart(number: int) -> tuple[int, int, int]:
    minute = number * 2 % (END_OF_DAY - 2)
    return number % 7, minute, minute + 1


def overnight(number: int) -> tuple[int, int, int]:
    return number % 7, 720 + number % 700, number // 700 % 700


@pytest.mark.long
@pytest.mark.parametrize("window", [touching, apart, overnight])
def test_the_cost_of_a_document_grows_with_its_windows_and_no_faster(
    window: Callable[[int], tuple[int, int, int]],
) -> None:
    seconds_of_few = seconds_to_decide(window, MANY // 8)
    assert seconds_to_decide(window, MANY) < 24 * seconds_of_few  # in proportion 8, by comparing each with each 64


def seconds_to_decide(window: Callable[[int], tuple[int, int, int]], count: int) -> float:
    """The CPU that a document of so many windows takes of its partition, with the ticks of two days."""
    scenario = Scenario()
    for line in ("day 2025-09-08", "09:00 brand nike zone=America/New_York", "09:00 campaign b"):
        scenario.run(line)
    windows = [
        {"days": [DAY_NAMES[day]], "from": format_minute(since), "to": format_minute(until)}
        for day, since, until in map(window, range(count))
    ]
    value = json.dumps({"kind": "campaign", "brand_id": "nike", "campaign_id": "a", "version": 1, "windows": windows})
    started = time.process_time()
    decide_campaign(scenario.state, "nike", "a", value.encode(), Origin("catalog", 9, NOW))
    for hour in range(1, 49):
        moment = NOW + hour * HOUR
        assert decide_tick(scenario.state, Tick(moment), Origin("dayparting-ticks", hour, moment)) == []
    took = time.process_time() - started
    scenario.run("restart")
    assert Reason.INVALID not in scenario.campaign("a").reasons
    return took
