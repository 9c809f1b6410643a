"""Alerts about money: the rows of SCENARIOS as tables, and what holds of any alerts whatever happens."""

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.records import AlertKind, AlertState, Budget, BudgetAlert
from core.state import PartitionState
from tests.core.scenario import Scenario, check

BEGIN = """
    day 2025-09-08
    alerts
    09:00 brand nike zone=UTC daily=100 percents=50,80,100
    09:00 campaign a
"""


@pytest.mark.parametrize("between", ["", "restart"], ids=["in one go", "with restarts"])
def test_t21_thresholds_are_raised_and_resolved(between: str) -> None:
    scenario = check(f"""
        {BEGIN}
        10:00 spend a 49.99
        {between}
        10:01 spend a 0.01
          -> raised threshold daily_budget 50 number=1 severity=warning spent=50.00 limit=100.00
        {between}
        10:02 spend a 45.00
          -> raised threshold daily_budget 80 number=1 severity=warning
        {between}
        10:03 spend a 10.00
          -> raised threshold daily_budget 100 number=1 severity=critical spent=105.00
          -> pause a daily_budget
        {between}
        10:04 spend a -30.00
          -> resolved threshold daily_budget 100 number=1 severity=critical spent=75.00
          -> resolved threshold daily_budget 80 number=1
          -> resume a
        {between}
        10:05 spend a 10.00
          -> raised threshold daily_budget 80 number=2 spent=85.00
        {between}
        10:06 brand nike daily=200
          -> resolved threshold daily_budget 80 number=2 spent=85.00 limit=200.00
          -> resolved threshold daily_budget 50 number=1
    """)
    assert scenario.alerts[0].alert_id == "nike:threshold:daily_budget:2025-09-08:50:1"


def test_the_message_is_the_contracts() -> None:
    scenario = check("""
        day 2025-09-08
        alerts
        09:00 brand nike zone=Asia/Karachi daily=100
        09:00 campaign a
        10:00 spend a 80.10 id=e1
          -> raised threshold daily_budget 80
    """)
    (alert,) = scenario.alerts
    assert alert.cause.event_id == "e1"
    assert alert == BudgetAlert(
        1,
        "nike:threshold:daily_budget:2025-09-08:80:1",
        AlertState.RAISED,
        AlertKind.THRESHOLD,
        alert.severity,
        "nike",
        None,
        Budget.DAILY,
        "2025-09-08",
        80,
        "80.10",
        "100.00",
        "USD",
        "Asia/Karachi",
        "2025-09-08T10:00:00Z",
        alert.cause,
    )


def test_one_event_that_crosses_several_percentages_raises_each_lowest_first() -> None:
    check(f"""
        {BEGIN}
        09:30 brand nike monthly=100
        10:00 spend a 100
          -> raised threshold daily_budget 50
          -> raised threshold daily_budget 80
          -> raised threshold daily_budget 100
          -> raised threshold monthly_budget 50
          -> raised threshold monthly_budget 80
          -> raised threshold monthly_budget 100 period=2025-09
          -> pause a daily_budget,monthly_budget
    """)


def test_the_end_of_a_period_resolves_nothing_and_the_next_begins_with_number_one() -> None:
    scenario = check(f"""
        {BEGIN}
        09:00 campaign b daily=10 total=100
        10:00 spend b 8
          -> raised threshold campaign_daily_budget 50 campaign_id=b
          -> raised threshold campaign_daily_budget 80 campaign_id=b
        10:01 spend a 52
          -> raised threshold daily_budget 50
        10:02 spend a -11
          -> resolved threshold daily_budget 50
        10:03 spend a 11
          -> raised threshold daily_budget 50 number=2
        09T00:00 tick
        09T00:00 reset daily UTC
        09T10:00 spend b 8
          -> raised threshold campaign_daily_budget 50 number=1 period=2025-09-09
          -> raised threshold campaign_daily_budget 80 number=1
        09T10:01 spend a 42
          -> raised threshold daily_budget 50 number=1 period=2025-09-09
        09T10:02 spend b -3 t=08T10:00
        10T10:00 spend b 50
          -> raised threshold daily_budget 50
          -> raised threshold campaign_daily_budget 50
          -> raised threshold campaign_daily_budget 80
          -> raised threshold campaign_daily_budget 100
          -> raised threshold campaign_total_budget 50 period=none
          -> pause b campaign_daily_budget
    """)
    assert scenario.alerts[-1].alert_id == "nike:threshold:campaign_total_budget:b:50:1"
    scenario.run("11T00:00 tick")
    scenario.flush()
    kept = [key for key in scenario.stored if key.startswith(b"alert/")]
    assert kept == [b"alert/nike/campaign_total_budget/b"], "what old periods raised is dropped"


def test_spend_dated_ahead_raises_when_its_day_begins() -> None:
    check(f"""
        {BEGIN}
        23:59 spend a 60 t=09T00:00:30
        09T00:00 tick
          -> raised threshold daily_budget 50 period=2025-09-09 decided_at=2025-09-09T00:00:00Z
    """)


def test_a_zero_or_unlimited_budget_raises_nothing_and_resolves_what_was_raised() -> None:
    check(f"""
        {BEGIN}
        10:00 spend a 60
          -> raised threshold daily_budget 50
        10:01 brand nike daily=0
          -> resolved threshold daily_budget 50 limit=0.00
          -> pause a daily_budget
        10:02 brand nike daily=100
          -> raised threshold daily_budget 50 number=2
          -> resume a
        10:03 brand nike daily=none
          -> resolved threshold daily_budget 50 number=2 limit=none
        10:04 spend a 1000
    """)


def test_a_budget_that_a_campaign_has_no_more_resolves_what_it_raised() -> None:
    check(f"""
        {BEGIN}
        10:00 campaign b daily=100 total=1000
        10:01 spend b 55
          -> raised threshold daily_budget 50
          -> raised threshold campaign_daily_budget 50 campaign_id=b
        10:02 campaign b daily=none
          -> resolved threshold campaign_daily_budget 50 campaign_id=b limit=none
        10:03 campaign b total=100
          -> raised threshold campaign_total_budget 50 campaign_id=b
        10:04 campaign b total=none
          -> resolved threshold campaign_total_budget 50 campaign_id=b limit=none
    """)


def test_a_document_that_changes_the_percentages_raises_and_resolves_what_then_holds() -> None:
    check(
        f"""
        {BEGIN}
        09:00 campaign b total=50
        10:00 spend b 45
          -> raised threshold campaign_total_budget 50
          -> raised threshold campaign_total_budget 80
        10:01 brand nike percents=40,90
          -> raised threshold daily_budget 40
          -> resolved threshold campaign_total_budget 80
          -> resolved threshold campaign_total_budget 50
          -> raised threshold campaign_total_budget 40
          -> raised threshold campaign_total_budget 90
        10:02 brand nike percents=
          -> resolved threshold daily_budget 40
          -> resolved threshold campaign_total_budget 90
          -> resolved threshold campaign_total_budget 40
        10:03 campaign b total=none
    """.replace(" cause=cause", "")
    )


def test_a_percentage_may_be_beyond_the_budget_and_is_compared_exactly() -> None:
    check("""
        day 2025-09-08
        alerts
        09:00 brand nike zone=UTC daily=0.000003 percents=33,1000
        09:00 campaign a
        10:00 spend a 0.000001
          -> raised threshold daily_budget 33
        10:01 spend a 0.000028
          -> pause a daily_budget
        10:02 spend a 0.000001
          -> raised threshold daily_budget 1000 severity=critical
    """)


def test_corrections_raise_and_resolve() -> None:
    check(f"""
        {BEGIN}
        10:00 correct a 50 on=2025-09-08
          -> raised threshold daily_budget 50
        10:01 correct a -1 on=2025-09-08
          -> resolved threshold daily_budget 50
    """)


@pytest.mark.parametrize("between", ["", "restart"], ids=["in one go", "with restarts"])
def test_t22_spend_while_paused_is_raised_once_for_a_pause(between: str) -> None:
    scenario = check(f"""
        day 2025-09-08
        alerts
        09:00 brand nike zone=UTC daily=10 percents=
        09:00 campaign a
        10:00 spend a 10.00
          -> pause a daily_budget
        10:00:02 spend a 1.00 t=10:00:01
        10:00:03 spend a 1.00 t=09:59:59
        10:00:30 spend a 1.00
        10:01:00 spend a 1.00
        {between}
        10:01:01 spend a -1.00
        10:01:05 spend a 1.00
          -> raised spend_while_paused a severity=critical spent=3.00 decided_at=2025-09-08T10:01:05Z
        {between}
        10:02:00 spend a 1.00
        {between}
        09T00:00 tick
          -> resolved spend_while_paused a spent=4.00 decided_at=2025-09-09T00:00:00Z
          -> resume a
        09T01:00 spend a 10.00
          -> pause a daily_budget
        09T01:02 spend a 10.00
          -> raised spend_while_paused a
    """)
    pauses = [it.command_id for it in scenario.commands if it.action == "pause"]
    ids = [it.alert_id for it in scenario.alerts]
    first, second = (f"nike:spend_while_paused:{it}:1" for it in pauses)
    assert ids == [first, first, second]


def test_the_reaction_time_is_a_setting() -> None:
    scenario = Scenario()
    scenario.state.reaction_ms = 5_000
    for line in (
        "day 2025-09-08",
        "09:00 brand nike zone=UTC daily=0",
        "09:00 campaign a",
        "09:00:05 spend a 1",
        "09:00:05.001 spend a 1",
    ):
        scenario.run(line)
    (alert,) = scenario.alerts
    assert (alert.kind, alert.decided_at) == (AlertKind.SPEND_WHILE_PAUSED, "2025-09-08T09:00:05.001Z")


def test_spend_after_a_resume_that_is_still_awaited_fell_into_no_pause() -> None:
    check("""
        day 2025-09-08
        alerts
        09:00 brand nike zone=UTC daily=10 percents=
        09:00 campaign a
        10:00 spend a 10.00
          -> pause a daily_budget
        hold
        09T00:00 tick
        09T00:00:01 spend a 1.00
        09T00:00:02 spend a 1.00 t=08T23:59:59
          -> raised spend_while_paused a
        release
          -> resolved spend_while_paused a decided_at=2025-09-09T00:00:00Z
          -> resume a @09T00:00
    """)


@pytest.mark.parametrize("between", ["", "restart"], ids=["in one go", "with restarts"])
def test_an_unknown_campaign_is_raised_once_a_day_and_resolved_by_the_catalog(between: str) -> None:
    check(f"""
        {BEGIN}
        10:00 spend x 1.00
          -> raised unknown_campaign x period=2025-09-08 spent=1.00 alert_id=nike:unknown_campaign:x:2025-09-08:1
        {between}
        10:01 spend x 1.00
        09T10:00 spend x 1.00
          -> raised unknown_campaign x period=2025-09-09 severity=warning
        {between}
        09T11:00 campaign x
          -> resolved unknown_campaign x period=2025-09-09 alert_id=nike:unknown_campaign:x:2025-09-09:1
        {between}
        09T12:00 spend x 1.00
        09T12:01 campaign x total=10
    """)


@pytest.mark.parametrize("between", ["", "restart"], ids=["in one go", "with restarts"])
def test_t23_silence_counts_while_a_campaign_may_run(between: str) -> None:
    scenario = check(f"""
        day 2025-09-08
        alerts
        00:00 brand nike zone=UTC silent=60
        00:00 campaign a windows="daily 00:00-11:30;daily 12:00-24:00"
        10:00 spend a 1.00
        {between}
        10:01 tick until=10:59 every=1
        11:00 tick
          -> raised silent alert_id=nike:silent:2025-09-08:1 decided_at=2025-09-08T11:00:00Z severity=warning spent=none
        {between}
        11:01 tick until=11:19 every=1
        11:20 spend a 1.00
          -> resolved silent alert_id=nike:silent:2025-09-08:1 decided_at=2025-09-08T11:20:00Z
        {between}
        11:30 tick
          -> pause a schedule
        11:31 tick until=11:59
        12:00 tick
          -> resume a
        {between}
        12:01 tick until=12:59
        13:00 tick
          -> raised silent number=2 decided_at=2025-09-08T13:00:00Z
        13:01 tick until=09T09:00 every=7
        09T09:01 spend a 1.00
          -> resolved silent number=2 period=2025-09-08
        09T10:01 tick
          -> raised silent number=1 period=2025-09-09
    """)
    assert scenario.alerts[0].cause.kind == "dayparting_tick"


def test_silence_is_no_matter_before_the_first_spend_or_while_nothing_may_run() -> None:
    check("""
        day 2025-09-08
        alerts
        00:00 brand nike zone=UTC silent=60
        00:00 campaign a
        01:00 tick until=05:00 every=30
        05:00 spend a 1.00
        05:10 campaign a enabled=no
          -> pause a manual
        05:30 tick until=09:00 every=30
        09:00 campaign a enabled=yes
          -> resume a
        09:30 brand nike silent=30
        09:30 tick
          -> raised silent
        10:00 brand nike silent=none
        10:01 spend a 1.00
          -> resolved silent
        10:02 tick until=14:00 every=30
    """)


def test_silence_is_a_length_of_time_whatever_the_clocks_on_the_wall_do() -> None:
    for day, before, last, silent in (
        ("2026-03-08", "06:29", "06:30", "08:30"),
        ("2026-11-01", "03:29", "03:30", "05:30"),
    ):
        check(f"""
            day {day}
            alerts
            {before} brand nike zone=America/New_York silent=120
            {before} campaign a
            {last} spend a 1.00
            {last} tick until={silent[:2]}:29 every=1
            {silent} tick
              -> raised silent period={day}
        """)


def test_a_brand_whose_flights_have_not_begun_is_silent_only_from_then_on() -> None:
    check("""
        day 2025-09-08
        alerts
        00:00 brand nike zone=UTC silent=5
        00:00 campaign a starts_on=2025-09-10
        00:00 spend a 1.00
        00:01 tick until=09T23:59 every=30
        10T00:00 tick
          -> resume a
        10T00:04 tick
        10T00:05 tick
          -> raised silent
    """)


@pytest.mark.parametrize("order", list(permutations(("30 t=10:00 id=e1", "50 t=10:01 id=e2", "20 t=09:59 id=e3"))))
def test_t8_every_order_raises_each_percentage_once(order: Sequence[str]) -> None:
    lines = [f"10:0{2 + n} spend a {words}" for n, words in enumerate([*order, order[0]])]
    scenario = Scenario()
    for line in BEGIN.strip().splitlines():
        scenario.run(line.strip())
    for line in lines:
        scenario.run(line)
        scenario.flush()
        for again in lines:  # what a kill before the commit would bring again
            scenario.run(again)
        scenario.crash()
    for line in lines:
        scenario.run(line)
    assert sorted(it.percent or 0 for it in scenario.alerts) == [50, 80, 100]
    assert {it.state for it in scenario.alerts} == {AlertState.RAISED}


def test_a_state_of_an_older_release_raises_once_what_holds() -> None:
    scenario = check(f"""
        {BEGIN}
        10:00 spend a 90
          -> raised threshold daily_budget 50
          -> raised threshold daily_budget 80
    """)
    scenario.flush()
    scenario.stored = {key: value for key, value in scenario.stored.items() if not key.startswith(b"alert/")}
    scenario.crash()
    scenario.run("10:01 spend a 10")
    scenario.restart()
    scenario.run("10:02 spend a 10")
    assert [it.percent for it in scenario.alerts[2:]] == [50, 80, 100]


_STEPS = st.lists(
    st.one_of(
        st.builds("spend {} {}".format, st.sampled_from("abx"), st.sampled_from([-60, -7, -1, 1, 7, 20, 60])),
        st.builds("spend a {} t=earlier".format, st.sampled_from([-9, 9])),
        st.builds("brand nike daily={}".format, st.sampled_from([0, 20, 50, 100, "none"])),
        st.builds("brand nike monthly={}".format, st.sampled_from([0, 90, "none"])),
        st.builds("brand nike percents={}".format, st.sampled_from(["", "50", "50,80,100", "1,100,1000"])),
        st.builds("brand nike monthly=500 pacing={}".format, st.sampled_from(["even", "none"])),
        st.just('brand nike overrides="2025-09-09..2025-09-09 daily=30"'),
        st.builds("brand nike silent={}".format, st.sampled_from(["none", 30, 90])),
        st.builds(
            "campaign {} daily={} total={}".format, st.sampled_from("abx"), st.sampled_from([0, 9, 40]), st.just(50)
        ),
        st.builds("campaign a enabled={}".format, st.sampled_from(["yes", "no"])),
        st.builds("correct b {} on=today".format, st.sampled_from([-20, 20])),
        st.sampled_from(["tick", "tick", "later", "midnight"]),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=60)
@given(_STEPS)
def test_alerts_follow_totals_and_survive_restarts_and_guarding(steps: list[str]) -> None:
    plain, restarted, guarded = Scenario(), Scenario(), Scenario()
    guarded.state.guarded.add("nike")
    for line in _lines(steps):
        for scenario in (plain, restarted, guarded):
            scenario.run(line)
        restarted.restart()
        if "nike" in plain.state.brands:
            _check_raised_is_reached(plain.state)
    assert restarted.alerts == plain.alerts
    assert guarded.alerts == plain.alerts
    _check_each_id_is_raised_and_resolved_once(plain.alerts)


def _lines(steps: list[str]) -> list[str]:
    """The steps, ten minutes apart."""
    lines = [
        "day 2025-09-08",
        "09:00 brand nike zone=UTC daily=100 silent=60",
        "09:00 campaign a",
        "09:00 campaign b daily=40",
    ]
    day, minute = 8, 9 * 60
    for step in steps:
        minute += 10
        if step == "later":
            minute += 90
        elif step == "midnight":
            minute = 24 * 60
        if minute >= 24 * 60:
            day, minute = day + 1, 0
        at = f"{day:02}T{minute // 60:02}:{minute % 60:02}"
        words = "tick" if step in ("later", "midnight") else step
        words = words.replace("t=earlier", f"t={day:02}T00:00").replace("on=today", f"on=2025-09-{day:02}")
        lines.append(f"{at} {words}")
    return lines


def _check_raised_is_reached(state: PartitionState) -> None:
    """The percentages that are raised are exactly those that spend has reached, worked out another way."""
    brand = state.brands["nike"]
    assert brand.config and brand.day and brand.month
    day, month = str(brand.day.date), str(brand.month.first)[:7]
    rows: list[tuple[Budget, str, str | None, int, int | None]] = [
        (Budget.DAILY, "", day, brand.daily_micros, brand.config.daily_budget_on(brand.day.date)),
        (Budget.MONTHLY, "", month, brand.monthly_micros, brand.config.monthly_budget_on(brand.day.date)),
        (Budget.ALLOWANCE, "", day, brand.daily_micros, brand.daily_allowance_micros),
    ]
    for it in brand.campaigns.values():
        name = it.campaign_id
        if it.config:
            rows.append((Budget.CAMPAIGN_DAILY, name, day, it.daily_micros, it.config.daily_budget_on(brand.day.date)))
            rows.append((Budget.CAMPAIGN_TOTAL, name, None, it.total_micros, it.config.total_budget_micros))
    held = state.thresholds.get("nike", {})
    for budget, name, period, spent, limit in rows:
        thresholds = held.get((budget, name))
        raised = {p for p, it in thresholds.percents.items() if it.now} if thresholds else set()
        assert thresholds is None or thresholds.period == period
        assert raised == {p for p in brand.config.alert_percents if limit and spent / limit >= p / 100}


def _check_each_id_is_raised_and_resolved_once(alerts: list[BudgetAlert]) -> None:
    states: dict[str, list[AlertState]] = {}
    for alert in alerts:
        states.setdefault(alert.alert_id, []).append(alert.state)
    allowed = ([AlertState.RAISED], [AlertState.RAISED, AlertState.RESOLVED])
    assert all(it in allowed for it in states.values()), states
