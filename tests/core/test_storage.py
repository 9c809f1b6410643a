"""What is restored decides as what was stored would have decided, byte for byte."""

import json

import msgspec
import pytest

from streams.core.moment import parse_moment
from streams.core.state import NEVER
from streams.core.storage import SCHEMA, changes, decode_part, restore
from tests.core.scenario import Scenario, check, new_state

encode = msgspec.json.Encoder().encode

SETUP = """
    day 2025-09-08
    12:00 brand nike zone=Asia/Karachi daily=100 monthly=500
    12:00 campaign a daily=70 windows="daily 09:00-24:00"
    12:00 campaign b total=90 ends_on=2025-09-09
    12:00 brand puma zone=America/New_York daily=10
    12:00 campaign c
"""
LINES = (
    "13:00 spend a 40 brand=nike id=e1",
    "13:01 spend unheard-of 5 brand=nike",
    "18:56 spend b 60 brand=nike t=19:00 id=ahead",
    "18:57 correct a 3 on=2025-09-09 brand=nike",
    "19:00 tick",
    "19:30 spend a 36 brand=nike",
    "19:31 spend a 40 brand=nike id=e1",
    "19:32 brand nike enabled=no",
    "19:33 spend c 10 brand=puma",
    "20:00 brand nike enabled=yes",
    "20:01 campaign b raw=broken",
    "20:02 campaign b name=whole",
    "09T04:00 tick",
    "09T04:01 brand puma daily=20",
    "09T19:00 reset daily Asia/Karachi",
    "09T19:01 spend a 36 brand=nike t=18:58",
    "10T04:00 tick",
    "10T05:00 spend a 1 brand=nike id=ahead",
)


def commands_of(restarts_after: set[int]) -> list[bytes]:
    scenario = check(SETUP)
    for number, line in enumerate(LINES):
        scenario.run(line)
        if number in restarts_after:
            scenario.restart()
    return list(map(encode, scenario.commands))


def test_a_restart_after_any_line_changes_no_byte_of_what_follows() -> None:
    told = commands_of(set())
    assert len(told) > 12
    for number in range(len(LINES)):
        assert commands_of({number}) == told
    assert commands_of(set(range(len(LINES)))) == told


@pytest.mark.parametrize("killed_at", range(len(LINES)))
def test_what_was_not_flushed_is_decided_again_with_the_same_bytes(killed_at: int) -> None:
    for flushed_at in range(killed_at + 1):
        scenario = check(SETUP)
        for line in LINES[:flushed_at]:
            scenario.run(line)
        scenario.flush()
        for line in LINES[flushed_at:killed_at]:
            scenario.run(line)
        scenario.crash()
        for line in LINES[flushed_at:]:
            scenario.run(line)
        assert list(map(encode, scenario.commands)) == commands_of(set())


def test_a_day_that_ended_after_a_campaigns_last_record_has_ended_for_it() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a daily=50
        09:00 campaign b daily=50
        10:00 spend a 40
        10:01 spend b 20 t=10:01
        23:59 spend b 25 t=09T00:00
        restart
        09T00:00 tick
        restart
        == a daily=0.00 total=40.00
        == b daily=25.00 total=45.00
        09T10:00 spend a 49.99
        09T10:00 spend b 25
          -> pause b campaign_daily_budget
        restart
        == a daily=49.99
    """)


def test_an_awaited_resume_survives() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a
        10:00 spend a 100
          -> pause a daily_budget
        hold
        09T00:00 tick
        restart
        09T00:01 spend a 5
        release
          -> resume a @09T00:00 cause=dayparting_tick daily=5.00
    """)
    assert scenario.state.awaiting == {}


def test_an_awaited_resume_that_a_pause_overtook_is_gone_after_a_restart_too() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a
        10:00 spend a 100
          -> pause a daily_budget
        hold
        09T00:00 tick
        restart
        09T00:00 spend a 100
        restart
        release
        == a told=pause sequence=2 reasons=daily_budget
    """)


def test_a_window_that_opened_with_a_document_stays_open_for_earlier_records() -> None:
    """The brand's clock moves with a campaign's document, and so it must be stored with it."""
    for restart in ("", "restart"):
        check(f"""
            day 2025-09-08
            08:00 brand nike zone=UTC daily=100
            {restart}
            09:00:05 campaign a windows="daily 09:00-17:00"
            {restart}
            08:59:59 spend a 1
            == a reasons=none told=resume
            08:59:58 spend a 99
              -> pause a daily_budget @09:00:05
        """)


def test_only_what_changed_is_written_and_part_comes_last() -> None:
    scenario = check(SETUP)
    scenario.flush()
    assert [key for key, _ in changes(scenario.state, {}, {})] == [b"part"]
    scenario.run("13:00 spend a 40 brand=nike")
    keys = [key for key, _ in changes(scenario.state, {}, {})]
    assert keys == [b"brand/nike", b"campaign/nike/a", b"seen/0", b"part"]
    scenario.run("13:00 tick")
    assert [key for key, _ in changes(scenario.state, {}, {})] == [b"part"], "a tick without anything due"


def test_documents_are_stored_as_they_came() -> None:
    scenario = check(SETUP)
    scenario.flush()
    assert json.loads(scenario.stored[b"doc/nike"])["daily_budget"] == "100"
    assert json.loads(scenario.stored[b"doc/nike/a"])["campaign_id"] == "a"


def test_part_tells_positions_topics_and_clock() -> None:
    scenario = check(SETUP)
    scenario.run("13:00 tick")
    *_, (key, value) = changes(scenario.state, {"catalog": "xyz"}, {"catalog": 5})
    assert value
    part = decode_part(value)
    assert (key, part.schema, part.topic_ids, part.positions) == (b"part", SCHEMA, {"catalog": "xyz"}, {"catalog": 5})
    assert part.clock == parse_moment("2025-09-08T13:00:00Z")


def test_a_partition_that_was_never_flushed_is_empty() -> None:
    state = new_state()
    assert restore(state, []) is None
    assert (state.brands, state.clock) == ({}, 0)


def test_a_campaign_whose_brand_is_not_known_yet_is_restored() -> None:
    scenario = Scenario()
    scenario.run("day 2025-09-08")
    scenario.brand_id = "nike"
    scenario.run("09:00 campaign a daily=10")
    scenario.restart()
    brand = scenario.brand("nike")
    assert (brand.terms, brand.wakes_at) == (None, NEVER)
    scenario.run("09:01 brand nike zone=UTC")
    assert [it.command_id for it in scenario.commands] == ["a:1:1"]


def test_the_order_of_the_state_topic_does_not_matter() -> None:
    scenario = check(SETUP)
    for line in LINES[:10]:
        scenario.run(line)
    scenario.flush()
    stored = [(key.decode(), value) for key, value in scenario.stored.items()]
    entries = []
    for order in (stored, stored[::-1], sorted(stored, key=lambda it: it[1])):
        scenario.state = new_state()
        restore(scenario.state, order)
        for campaign in ("a", "b", "c"):
            scenario.state.touch_campaign(*scenario.standing_of(campaign))
        for brand in ("nike", "puma"):
            scenario.state.touch_brand(scenario.brand(brand))
        entries.append(sorted(changes(scenario.state, {}, {})))
    assert entries[0] == entries[1] == entries[2]
