"""A command tells what it was decided on, in the fields, order and formats that consumers were promised."""

import json

import msgspec
import pytest

from core.decide_catalog import decide_brand
from core.moment import parse_moment
from core.records import CommandCampaign
from core.state import Origin
from tests.core.scenario import Scenario, check

encode = msgspec.json.Encoder().encode

CONTRACT = """
    day 2025-09-08
    09:00 brand nike zone=Asia/Karachi daily=100.00 monthly=2000.00
    09:00 campaign nike-summer
    09:00 correct nike-summer 847.50 on=2025-08-01
    09:01 correct nike-other 38.80 on=2025-09-08
    09:01 correct nike-summer 312.50 on=2025-09-01
    09:01 correct nike-other -0.00 on=2025-09-02
    09:02 correct nike-summer 61.1875 on=2025-09-08
"""


def test_the_message_is_the_contracts_byte_for_byte() -> None:
    scenario = check(CONTRACT)
    scenario.offsets["spend-events"] = 52711
    scenario.run("11:12 spend nike-summer 0.0125 id=6f9")
    assert encode(scenario.commands[-1]) == (
        b'{"schema":1,"command_id":"nike-summer:1:2","action":"pause","campaign_id":"nike-summer",'
        b'"external_id":null,"brand_id":"nike","epoch":1,"sequence":2,"reasons":["daily_budget"],'
        b'"decided_at":"2025-09-08T11:12:00Z","resumes_at":"2025-09-08T19:00:00Z","pauses_at":null,'
        b'"cause":{"kind":"spend","event_id":"6f9","amount":"0.0125","topic":"spend-events",'
        b'"partition":1,"offset":52711},"catalog":{"brand_version":1,"campaign_version":1},'
        b'"currency":"USD","time_zone":"Asia/Karachi",'
        b'"brand":{"day":"2025-09-08","daily_spent":"100.00","daily_budget":"100.00",'
        b'"month":"2025-09","monthly_spent":"412.50","monthly_budget":"2000.00",'
        b'"daily_allowance":null},'
        b'"campaign":{"daily_spent":"61.20","daily_budget":null,"total_spent":"1221.20","total_budget":null},"after_pause":null}'
    )


def test_a_cause_names_an_event_only_where_there_is_one() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=1
        09:00 campaign a external_id=x-1
        10:00 correct a 1 on=2025-09-08 id=repair-7
          -> pause a daily_budget
        09T00:00:00.125 tick
          -> resume a
        09T01:00 brand nike enabled=no
          -> pause a manual
    """)
    none = {"event_id": None, "amount": None}
    causes = [json.loads(encode(it))["cause"] for it in scenario.commands]
    assert causes == [
        {"kind": "catalog", **none, "topic": "catalog", "partition": 1, "offset": 1},
        {
            "kind": "correction",
            "event_id": "repair-7",
            "amount": "1.00",
            "topic": "spend-corrections",
            "partition": 1,
            "offset": 0,
        },
        {"kind": "dayparting_tick", **none, "topic": "dayparting-ticks", "partition": 1, "offset": 0},
        {"kind": "catalog", **none, "topic": "catalog", "partition": 1, "offset": 2},
    ]
    assert {it.external_id for it in scenario.commands} == {"x-1"}
    assert scenario.commands[2].decided_at == "2025-09-09T00:00:00.125Z"


@pytest.mark.parametrize(
    ("setup", "line", "kind", "topic"),
    [
        ("brand nike zone=UTC daily=5", "10:00 spend a 5 id=e1", "spend", "spend-events"),
        ("campaign a daily=5", "10:00 spend a 5 id=e1", "spend", "spend-events"),
        ("campaign a total=5", "10:00 spend a 5 id=e1", "spend", "spend-events"),
        ("campaign a ends_on=2025-09-08", "09T00:00 spend a 5 id=e1", "spend", "spend-events"),
        ("campaign a daily=5", "10:00 correct a 5 on=2025-09-08 id=e1", "correction", "spend-corrections"),
        ("campaign a", "10:00 campaign a enabled=no", "catalog", "catalog"),
        ("campaign a", "10:00 brand nike enabled=no", "catalog", "catalog"),
        ("campaign a ends_on=2025-09-08", "09T00:00 campaign a name=A", "catalog", "catalog"),
        ("campaign a ends_on=2025-09-08", "09T00:00 tick", "dayparting_tick", "dayparting-ticks"),
        ("campaign a ends_on=2025-09-08", "09T00:00 reset daily UTC", "budget_reset", "budget-resets"),
    ],
)
def test_a_cause_is_the_record_that_was_decided_on(setup: str, line: str, kind: str, topic: str) -> None:
    scenario = Scenario()
    for before in ("day 2025-09-08", "09:00 brand nike zone=UTC", "09:00 campaign a", f"09:00 {setup}"):
        scenario.run(before)
    scenario.offsets[topic] = 77
    scenario.run(line)
    cause = json.loads(encode(scenario.commands[-1]))["cause"]
    is_money = kind in ("spend", "correction")
    assert cause == {
        "kind": kind,
        "event_id": "e1" if is_money else None,
        "amount": "5.00" if is_money else None,
        "topic": topic,
        "partition": 1,
        "offset": 77,
    }


def test_reasons_are_sorted_and_a_change_among_them_tells_nothing() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=10 monthly=10
        09:00 campaign a daily=10 total=10 windows="daily 09:00-17:00"
        10:00 spend a 10
          -> pause a campaign_daily_budget,campaign_total_budget,daily_budget,monthly_budget
        17:00 tick
        17:01 brand nike enabled=no
        17:02 campaign a archived=yes ends_on=2025-09-08
        09T00:00 tick
        == a reasons=archived,campaign_total_budget,flight,manual,monthly_budget,schedule sequence=2
    """)


def test_the_epoch_is_the_brands_and_the_sequence_goes_on() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC
        09:00 campaign a
    """)
    document = {"brand_id": "nike", "version": 9, "epoch": 2, "enabled": False, "currency": "USD"}
    zones = [{"time_zone": "UTC", "from": None}]
    value = json.dumps(document | {"zones": zones}).encode()
    decide_brand(scenario.state, "nike", value, Origin("catalog", 7, parse_moment("2025-09-08T10:00:00Z")))
    (command,) = scenario.state.commands
    assert (command.command_id, command.epoch, command.sequence) == ("a:2:2", 2, 2)


def test_a_resume_that_waited_tells_when_it_was_decided_and_the_totals_it_is_told_with() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a windows="daily 00:00-12:00"
        10:00 spend a 100
          -> pause a daily_budget resumes_at=09T00:00
        hold
        09T00:00 tick
        09T00:01 spend a 30
        release
          -> resume a @09T00:00 pauses_at=09T12:00 daily=30.00 cause=dayparting_tick
    """)


def test_a_resume_that_waits_is_overtaken_by_a_pause_and_neither_is_told() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a
        10:00 spend a 100
          -> pause a daily_budget
        hold
        09T00:00 tick
        09T00:01 spend a 100
        release
        == a sequence=2 told=pause
        hold
        10T00:00 tick
        10T00:01 spend a 100
        10T00:02 spend a -1
        release
          -> resume a @10T00:02 cause=spend sequence=3
    """)


def test_a_first_state_that_waits_and_is_paused_meanwhile_is_told_as_the_pause() -> None:
    check("""
        day 2025-09-08
        first
        hold
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a
        09:01 spend a 100
          -> pause a daily_budget sequence=1
        release
    """)


def test_only_the_resumes_that_are_asked_for_are_released() -> None:
    scenario = Scenario()
    for line in (
        "day 2025-09-08",
        "hold",
        "09:00 brand nike zone=UTC",
        "09:00 campaign a",
        "09:00 campaign b",
    ):
        scenario.run(line)
    assert sorted(scenario.state.pending_resumes) == [("nike", "a"), ("nike", "b")]
    assert scenario.commands == []
    scenario.run("release")
    assert [it.command_id for it in scenario.commands] == ["a:1:1", "b:1:1"]
    scenario.run("release")
    assert len(scenario.commands) == 2


def test_a_command_has_the_campaigns_own_budgets() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC
        09:00 campaign a daily=50 total=90
        10:00 spend a 60
          -> pause a campaign_daily_budget
    """)
    assert scenario.commands[-1].campaign == CommandCampaign("60.00", "50.00", "60.00", "90.00")
