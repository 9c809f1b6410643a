"""Two runs over the same spend: where a changed catalog would have decided otherwise, and the money between."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any, cast

import pytest

from core.moment import HOUR, MINUTE, SECOND, parse_moment
from core.money import MICROS
from core.records import Action
from core.refusal import Refusal, RefusalReason
from core.rerun import OpeningSpend, Rerun, TwoRuns, start_rerun
from core.spend import Spend

MIDNIGHT = parse_moment("2025-09-08T00:00:00Z")
NO_OPENINGS: Sequence[OpeningSpend] = ()

Events = Sequence[tuple[float, str, int]]
Campaigns = dict[str, dict[str, Any]]


def run(brand: dict[str, Any], campaigns: Campaigns, openings: Sequence[OpeningSpend] = NO_OPENINGS) -> Rerun:
    document = {"kind": "brand", "brand_id": "b", "version": 1, "currency": "USD"}
    document |= {"zones": [{"time_zone": "UTC", "from": None}], "daily_budget": None, "monthly_budget": None} | brand
    of_campaigns = {
        campaign_id: json.dumps(
            {"kind": "campaign", "brand_id": "b", "campaign_id": campaign_id, "version": 1, **fields}
        ).encode()
        for campaign_id, fields in campaigns.items()
    }
    return cast(Rerun, start_rerun("b", json.dumps(document).encode(), of_campaigns, openings, MIDNIGHT))


def compared(now: Rerun, then: Rerun, events: Events, hours: float = 24) -> TwoRuns:
    runs = TwoRuns(now, then, MIDNIGHT)
    for number, (hour, campaign_id, amount) in enumerate(events):
        arrival = MIDNIGHT + int(hour * HOUR)
        runs.spend(Spend(f"e{number}", "b", campaign_id, amount * MICROS, None, arrival), arrival)
    runs.end(MIDNIGHT + int(hours * HOUR))
    return runs


def found(runs: TwoRuns) -> list[tuple[str, float, float, str | None, str | None, int]]:
    return [
        (
            it.campaign_id,
            (it.starts_at - MIDNIGHT) / HOUR,
            (it.ends_at - MIDNIGHT) / HOUR,
            it.now and it.now.value,
            it.then and it.then.value,
            it.micros // MICROS,
        )
        for it in runs.stretches
    ]


HOURLY: Events = [(hour, "c", 10) for hour in range(1, 24)]
NONE: dict[str, Any] = {}


def test_the_same_catalog_makes_no_difference() -> None:
    brand = {"daily_budget": "50.00", "monthly_budget": "4000.00", "pacing": "even"}
    campaigns = {"c": {"daily_budget": "30.00", "windows": [{"days": ["mon"], "from": "03:00", "to": "20:00"}]}}
    openings = [OpeningSpend("c", date(2025, 9, 3), 100 * MICROS)]
    runs = compared(run(brand, campaigns, openings), run(brand, campaigns, openings), HOURLY)
    assert (runs.stretches, runs.only_now, runs.only_then) == ([], {}, {})
    assert runs.commands_now == runs.commands_then != {}


@pytest.mark.parametrize(
    ("brand_now", "brand_then", "expected"),
    [
        ({}, {"daily_budget": "50.00"}, [("c", 5, 24, "resume", "pause", 180)]),
        ({"daily_budget": "50.00"}, {"daily_budget": "80.00"}, [("c", 5, 8, "pause", "resume", 30)]),
        ({"daily_budget": "80.00"}, {"daily_budget": "50.00"}, [("c", 5, 8, "resume", "pause", 30)]),
        ({}, {"enabled": False}, [("c", 0, 24, "resume", "pause", 230)]),
        ({}, {"daily_budget": "0"}, [("c", 0, 24, "resume", "pause", 230)]),
        ({}, {"daily_budget": "1000.00"}, []),
        (
            {"daily_budget": "50.00"},
            {"budget_overrides": [{"from": "2025-09-08", "to": "2025-09-08", "daily_budget": "60.00"}]},
            [("c", 5, 6, "pause", "resume", 10)],
        ),
    ],
)
def test_a_pause_that_comes_earlier_or_later_has_the_money_between(
    brand_now: dict[str, Any], brand_then: dict[str, Any], expected: list[tuple[Any, ...]]
) -> None:
    """The event that uses a budget up is spent already, and what comes after it lies between."""
    assert found(compared(run(brand_now, {"c": NONE}), run(brand_then, {"c": NONE}), HOURLY)) == expected


def test_a_pause_moves_and_the_resume_at_midnight_is_the_same() -> None:
    runs = compared(run({"daily_budget": "50.00"}, {"c": NONE}), run({"daily_budget": "80"}, {"c": NONE}), HOURLY, 25)
    assert found(runs) == [("c", 5, 8, "pause", "resume", 30)]
    assert [(it.action, (it.decided_at - MIDNIGHT) // HOUR) for it in runs.only_now] == [(Action.PAUSE, 5)]
    assert [(it.action, (it.decided_at - MIDNIGHT) // HOUR) for it in runs.only_then] == [(Action.PAUSE, 8)]
    assert (runs.commands_now["c"], runs.commands_then["c"]) == (2, 2)


def test_windows_open_and_close_without_spend_on_the_whole_minute() -> None:
    then = run({}, {"c": {"windows": [{"days": ["mon"], "from": "09:00", "to": "17:00"}]}})
    runs = compared(run({}, {"c": NONE}), then, [(3, "c", 1), (10, "c", 2), (20, "c", 4)])
    assert found(runs) == [("c", 0, 9, "resume", "pause", 1), ("c", 17, 24, "resume", "pause", 4)]


def test_what_begins_within_a_minute_is_decided_at_the_next_whole_one() -> None:
    """The zone changes at 09:00:30, when Karachi has 14:00:30, into an open window."""
    zones = [{"time_zone": "UTC", "from": None}, {"time_zone": "Asia/Karachi", "from": "2025-09-08T09:00:30Z"}]
    window = {"windows": [{"days": ["mon"], "from": "14:00", "to": "23:00"}]}
    runs = compared(run({"zones": zones}, {"c": NONE}), run({"zones": zones}, {"c": window}), [(3, "c", 1)], hours=12)
    assert [(it.starts_at, it.ends_at) for it in runs.stretches] == [(MIDNIGHT, MIDNIGHT + 9 * HOUR + MINUTE)]


def test_an_event_just_before_the_minute_of_a_tick_is_decided_at_its_own_moment() -> None:
    """As the controller's clock is moved on by spend too."""
    zone = {"zones": [{"time_zone": "UTC", "from": None}]}
    window = {"windows": [{"days": ["mon"], "from": "09:00", "to": "17:00"}]}
    runs = TwoRuns(run(zone, {"c": NONE}), run(zone, {"c": window}), MIDNIGHT)
    at = MIDNIGHT + 9 * HOUR + SECOND
    runs.spend(Spend("e", "b", "c", MICROS, None, at), at)
    runs.end(MIDNIGHT + 24 * HOUR)
    assert next((it.starts_at, it.ends_at) for it in runs.stretches) == (MIDNIGHT, MIDNIGHT + 9 * HOUR)


def test_what_was_spent_before_counts_in_month_and_total_and_paces_the_day() -> None:
    openings = [OpeningSpend("c", date(2025, 8, 31), 900 * MICROS), OpeningSpend("c", date(2025, 9, 7), 90 * MICROS)]
    now = run({}, {"c": NONE}, openings)
    assert found(compared(now, run({"monthly_budget": "100.00"}, {"c": NONE}, openings), HOURLY)) == [
        ("c", 1, 24, "resume", "pause", 220)
    ]
    total = run({}, {"c": {"total_budget": "1010.00"}}, openings)
    assert found(compared(run({}, {"c": NONE}, openings), total, HOURLY)) == [("c", 2, 24, "resume", "pause", 210)]
    paced = run({"monthly_budget": "550.00", "pacing": "even"}, {"c": NONE}, openings)
    allowance = paced.state.brands["b"].daily_allowance_micros
    assert allowance == 460 * MICROS // 23
    assert found(compared(run({}, {"c": NONE}, openings), paced, HOURLY)) == [("c", 2, 24, "resume", "pause", 210)]


def test_a_campaign_that_one_catalog_has_not_is_absent_in_it() -> None:
    runs = compared(run({}, {"c": NONE}), run({}, {"c": NONE, "new": NONE}), HOURLY)
    assert found(runs) == [("new", 0, 24, None, "resume", 0)]


def test_each_campaign_has_its_own_money() -> None:
    events = [(1, "c", 5), (2, "d", 7), (3, "c", 11)]
    then = run({"daily_budget": "5.00"}, {"c": NONE, "d": NONE})
    assert found(compared(run({}, {"c": NONE, "d": NONE}), then, events)) == [
        ("c", 1, 24, "resume", "pause", 11),
        ("d", 1, 24, "resume", "pause", 7),
    ]


def test_a_refund_ends_a_pause_and_a_late_event_does_not_make_one() -> None:
    then = run({"daily_budget": "10.00"}, {"c": NONE})
    runs = compared(run({}, {"c": NONE}), then, [(1, "c", 10), (2, "c", -4), (3, "c", 1)])
    assert found(runs) == [("c", 1, 2, "resume", "pause", -4)]


def test_a_document_that_cannot_be_used_is_told() -> None:
    broken = start_rerun("b", b'{"version":1}', {}, NO_OPENINGS, MIDNIGHT)
    assert isinstance(broken, Refusal)


def test_ids_are_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.rerun._REMEMBERED", 10)
    rerun = run({}, {"c": NONE})
    for number in range(25):
        assert rerun.spend(Spend(f"e{number}", "b", "c", MICROS, None, None), MIDNIGHT + number * MINUTE) is None
    assert len(rerun.state.duplicates.seen) == 5


def test_several_commands_between_two_events_are_compared_in_their_order() -> None:
    window = {"windows": [{"days": ["mon"], "from": "09:00", "to": "17:00"}]}
    runs = compared(run({}, {"c": NONE}), run({}, {"c": window}), [(3, "c", 1), (20, "c", 4)])
    assert found(runs) == [("c", 0, 9, "resume", "pause", 1), ("c", 17, 24, "resume", "pause", 4)]
    assert [it.events for it in runs.stretches] == [1, 1]


@pytest.mark.parametrize("is_now", [True, False])
def test_an_event_at_the_moment_at_which_runs_agree_again_lies_in_no_stretch(is_now: bool) -> None:
    window = {"windows": [{"days": ["mon"], "from": "09:00", "to": "24:00"}]}
    windowed, always = run({}, {"c": window}), run({}, {"c": NONE})
    runs = compared(*((windowed, always) if is_now else (always, windowed)), [(1, "c", 2), (2, "c", 3), (9, "c", 4)])
    assert [(it.micros, it.events) for it in runs.stretches] == [(5 * MICROS, 2)]


def test_what_begins_at_the_end_of_the_runs_is_not_decided() -> None:
    runs = compared(run({"daily_budget": "50.00"}, {"c": NONE}), run({}, {"c": NONE}), HOURLY)
    assert runs.commands_now == {"c": 1}
    (pause,) = runs.only_now
    assert pause.reasons == ("daily_budget",)


def test_spend_is_taken_however_far_it_is_dated_ahead_and_refused_in_another_currency() -> None:
    rerun = run({}, {"c": NONE})
    assert rerun.spend(Spend("e1", "b", "c", MICROS, None, MIDNIGHT + 9 * HOUR), MIDNIGHT) is None
    refusal = rerun.spend(Spend("e2", "b", "c", MICROS, "EUR", None), MIDNIGHT)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.CURRENCY_MISMATCH
