"""What a tick or a reset leaves behind: its name in commands, and the brands that could not be decided."""

from datetime import date

import pytest

from core.decide_time import Reset, Tick, decide_tick
from core.moment import parse_moment
from core.records import CauseKind, CauseRecord
from core.state import BrandState, Origin
from tests.core.scenario import Scenario, decide_reset

MIDNIGHT = parse_moment("2025-09-09T00:00:00Z")
ORIGIN = Origin("topic", 77, MIDNIGHT)


def evening() -> Scenario:
    """Two brands whose campaigns are paused until midnight; decisions about nike are guarded."""
    scenario = Scenario()
    for line in (
        "day 2025-09-08",
        "09:00 brand nike zone=UTC daily=5 silent=60",
        "09:00 campaign a",
        "09:00 brand puma zone=UTC daily=5",
        "09:00 campaign b",
        "10:00 spend a 5 brand=nike",
        "10:00 spend b 5 brand=puma",
    ):
        scenario.run(line)
    scenario.state.guarded.add("nike")
    return scenario


def fail_for_nike(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    def failing(_state: object, brand: BrandState, _cause: object) -> None:
        if brand.brand_id == "nike":
            raise ZeroDivisionError

    monkeypatch.setattr(f"core.decide_time.{function}", failing)


def days_of(scenario: Scenario) -> list[date | None]:
    brands = (scenario.brand("nike"), scenario.brand("puma"))
    return [brand.day and brand.day.date for brand in brands]


@pytest.mark.parametrize(
    ("line", "kind", "topic"),
    [
        ("09T00:00 tick", CauseKind.DAYPARTING_TICK, "dayparting-ticks"),
        ("09T00:00 reset daily UTC", CauseKind.BUDGET_RESET, "budget-resets"),
    ],
)
def test_a_command_names_the_record_that_began_the_day(line: str, kind: CauseKind, topic: str) -> None:
    scenario = evening()
    scenario.offsets[topic] = 41
    scenario.run(line)
    assert [it.campaign_id for it in scenario.commands[-2:]] == ["a", "b"]
    assert scenario.commands[-1].cause == CauseRecord(kind=kind, topic=topic, partition=1, offset=41)


def test_a_tick_returns_the_failure_of_a_brand_which_stays_due(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = evening()
    scenario.state.wake_again(scenario.brand("nike"))  # an entry that is there twice hides no other brand
    fail_for_nike(monkeypatch, "evaluate_brand")
    failures = decide_tick(scenario.state, Tick(MIDNIGHT), ORIGIN)
    assert [failure.brand_id for failure in failures] == ["nike"]
    assert days_of(scenario) == [date(2025, 9, 8), date(2025, 9, 9)]
    monkeypatch.undo()
    assert decide_tick(scenario.state, Tick(MIDNIGHT), ORIGIN) == []
    assert days_of(scenario) == [date(2025, 9, 9), date(2025, 9, 9)]


def test_a_reset_returns_the_failure_of_a_brand_which_stays_due(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = evening()
    fail_for_nike(monkeypatch, "evaluate_brand")
    failures = decide_reset(scenario.state, Reset("Etc/UTC", MIDNIGHT), ORIGIN)
    assert [failure.brand_id for failure in failures] == ["nike"]
    monkeypatch.undo()
    assert decide_reset(scenario.state, Reset("Etc/UTC", MIDNIGHT), ORIGIN) == []
    assert days_of(scenario) == [date(2025, 9, 9), date(2025, 9, 9)]


def test_a_reset_of_another_zone_begins_no_day() -> None:
    scenario = evening()
    assert decide_reset(scenario.state, Reset("Asia/Tokyo", MIDNIGHT), ORIGIN) == []
    assert days_of(scenario) == [date(2025, 9, 8), date(2025, 9, 8)]


def test_a_brand_whose_silence_cannot_be_raised_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = evening()
    scenario.run("11:00 brand nike daily=none")
    scenario.state.guarded.add("nike")
    silent_at = parse_moment("2025-09-08T12:00:00Z")
    fail_for_nike(monkeypatch, "raise_silence")
    failures = decide_tick(scenario.state, Tick(silent_at), ORIGIN)
    assert [failure.brand_id for failure in failures] == ["nike"]
    monkeypatch.undo()
    assert decide_tick(scenario.state, Tick(silent_at), ORIGIN) == []
    assert [alert.alert_id for alert in scenario.state.alerts] == ["nike:silent:2025-09-08:1"]
