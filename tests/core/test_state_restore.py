"""What a restart restores is what was flushed, also where records are of an earlier day, and nothing else is taken."""

import dataclasses
from datetime import date
from typing import Any

import pytest

from core.budget import open_period
from core.calendar import Day, Month
from core.moment import HOUR, NEVER
from core.state import BrandState, CampaignState
from core.state_records import BrandRecord, CampaignRecord, encode
from core.state_restore import restore
from tests.core.scenario import Scenario, check, new_state

#: In UTC.
DAY_STARTS_AT = 1_757_289_600_000
MONTH_STARTS_AT = 1_756_684_800_000
#: With more campaigns than four each has a record of its own.
FIVE_CAMPAIGNS = """
    day 2025-09-08
    09:00 brand nike zone=UTC daily=100
    09:00 campaign a
    09:00 campaign b
    09:00 campaign c
    09:00 campaign d
    09:00 campaign e
"""
DOCUMENT = (
    "doc/nike",
    b'{"kind":"brand","brand_id":"nike","version":1,"currency":"USD","zones":[{"time_zone":"UTC","from":null}]}',
)


def facts(scenario: Scenario) -> dict[str, dict[str, Any]]:
    """All that the state has of its brands and campaigns, but for what a flush alone changes, and the check of silence,
    which may come sooner than a restored one."""
    state = scenario.state
    found = {"": {"thresholds": state.thresholds, "costs": state.costs, "seen": state.duplicates.seen}}
    for brand in scenario.state.brands.values():
        found[brand.brand_id] = _fields(brand, {"campaigns", "dirty", "silence_check_at"})
        found |= {f"{brand.brand_id}/{it.campaign_id}": _fields(it, {"dirty"}) for it in brand.campaigns.values()}
    return found


def _fields(of: BrandState | CampaignState, left_out: set[str]) -> dict[str, Any]:
    return {it.name: getattr(of, it.name) for it in dataclasses.fields(of) if it.name not in left_out}


@pytest.mark.parametrize("campaigns", [1, 4, 5, 9])
def test_a_restored_state_is_the_one_that_was_flushed(campaigns: int) -> None:
    scenario = check(
        "day 2025-09-08\n 09:00 brand nike zone=Asia/Karachi daily=100 monthly=900 pacing=even silent=60 percents=50,80"
    )
    for number in range(campaigns):
        scenario.run(f"09:00 campaign c{number} daily=20 total=50")
    for line in (
        "10:00 spend c0 20 id=e1",
        "10:01 spend c0 1.5 id=e2",
        "18:58 spend c0 3 t=19:01 id=e3",  # of the next day in Karachi
        "18:59 snapshot google c0 2025-09-08 25",
        "19:30 tick",
        "09T07:00 spend c0 2",
        "09T08:00 spend c0 4 t=10:00",  # late: the day's allowance stays that of what was known as it began
    ):
        scenario.run(line)
        scenario.flush()
        before = facts(scenario)
        scenario.crash()
        assert facts(scenario) == before, line


def test_the_record_of_an_earlier_day_has_no_spend_of_today() -> None:
    scenario = check(FIVE_CAMPAIGNS)
    for line in ("10:00 spend a 5", "23:58 spend b 3 t=09T00:01", "23:58 spend b 4 t=10:00"):
        scenario.run(line)
    scenario.flush()
    for line in ("09T00:00 tick", "09T01:00 spend c 2"):
        scenario.run(line)
    before = facts(scenario)
    scenario.restart()
    scenario.run("== a daily=0.00 total=5.00")
    scenario.run("== b daily=3.00 total=7.00")
    scenario.run("== c daily=2.00 total=2.00")
    assert facts(scenario) == before


def test_campaigns_that_the_brand_s_record_had_are_written_apart_when_it_has_them_no_more() -> None:
    scenario = check("day 2025-09-08\n 09:00 brand nike zone=UTC")
    for number in range(4):
        scenario.run(f"09:00 campaign c{number}")
        scenario.run(f"09:01 spend c{number} {number + 1}")
    scenario.restart()
    scenario.run("10:00 campaign c4")
    scenario.restart()
    for number in range(4):
        scenario.run(f"== c{number} total={number + 1}.00")


def test_a_campaign_s_own_record_is_older_than_its_brand_s() -> None:
    scenario = check("day 2025-09-08\n 09:00 brand nike zone=UTC\n 09:00 campaign a\n 10:00 spend a 5")
    scenario.flush()
    scenario.stored[b"campaign/nike/a"] = encode(campaign_record("a", total_micros=1))
    scenario.crash()
    scenario.run("== a total=5.00")


def test_what_the_controller_cannot_have_written_is_left_out_and_named() -> None:
    state, skipped = new_state(), list[tuple[str, str]]()
    long_id = "x" * 90
    records = [
        ("what/nike", b"{}"),
        ("seen/0", b"abc"),
        ("doc/puma", b"?"),
        ("brand/adidas", encode(brand_record())),
        DOCUMENT,
        ("campaign/adidas/a", encode(campaign_record("a"))),
        ("campaign/nike/a", encode(campaign_record("a"))),
        ("alert/nike/daily_budget", b"[]"),
    ]
    assert restore(state, records, lambda *it: skipped.append(it)) is None
    assert skipped[:2] == [("what/nike", "no such kind of record"), ("seen/0", "3 bytes are no ids")]
    assert [key for key, _ in skipped[2:]] == [
        "doc/puma",
        "brand/adidas",
        "campaign/adidas/a",
        "campaign/nike/a",
        "alert/nike/daily_budget",
    ]
    whys = dict(skipped)
    assert whys["doc/puma"].startswith("ValueError(") and "None" not in whys["doc/puma"]
    assert whys["brand/adidas"] == repr(ValueError("a brand without its document"))
    assert whys["campaign/adidas/a"] == repr(ValueError("a campaign without its brand"))
    # The brand has a document and no record yet.
    assert whys["campaign/nike/a"] == repr(ValueError("a campaign without its brand"))

    state, skipped = new_state(), []
    records = [DOCUMENT, ("brand/nike", encode(brand_record())), ("campaign/nike/a", encode(campaign_record(long_id)))]
    restore(state, records, lambda *it: skipped.append(it))
    assert skipped == [("campaign/nike/a", repr(ValueError(f"the record of campaign {'x' * 80}")))]
    assert list(state.brands["nike"].campaigns.values()) == []


def test_a_record_of_a_release_without_pacing_tells_what_was_spent_before_the_day() -> None:
    state = new_state()
    record = brand_record(monthly_micros=10, daily_micros=3, future_spend={date(2025, 9, 9): 2, date(2025, 10, 1): 40})
    restore(state, [DOCUMENT, ("brand/nike", encode(record))])
    assert state.brands["nike"].spent_before_day_micros == 5


@pytest.mark.parametrize("time_zone", ["UTC", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"day": date(2025, 9, 7)},
        {"day": date(2025, 9, 9)},
        {"day_starts_at": DAY_STARTS_AT - HOUR},
        {"month": date(2025, 8, 1)},
        {"month": date(2025, 10, 1)},
        {"month_starts_at": MONTH_STARTS_AT - HOUR},
        {"clock": DAY_STARTS_AT + 24 * HOUR},
        {"clock": DAY_STARTS_AT + 24 * HOUR, "day": date(2025, 9, 9), "day_starts_at": DAY_STARTS_AT + 24 * HOUR},
        {"clock": DAY_STARTS_AT - 1},
    ],
)
def test_the_open_day_and_month_are_those_of_the_record_and_end_by_the_zone(
    changes: dict[str, Any], time_zone: str
) -> None:
    """As where a change of zone has left a day or month open that the calendar has not."""
    record = brand_record(**{"clock": DAY_STARTS_AT + 9 * HOUR} | changes)
    state = new_state()
    restore(state, [(DOCUMENT[0], DOCUMENT[1].replace(b"UTC", time_zone.encode())), ("brand/nike", encode(record))])
    nike = state.brands["nike"]
    assert nike.config
    recorded = BrandState("nike", nike.config)
    recorded.day = Day(record.day, record.day_starts_at, NEVER)
    recorded.month = Month(record.month, record.month_starts_at, 0)
    open_period(recorded, nike.config, record.clock)
    assert (nike.day, nike.month) == (recorded.day, recorded.month)
    assert (nike.day_starts_at, nike.day_ends_at) == (recorded.day_starts_at, recorded.day_ends_at)


def test_a_brand_whose_derived_state_cannot_be_restored_tries_again_with_its_next_decision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    defect = RuntimeError("a defect")

    def derive(*_: object) -> None:
        raise defect

    monkeypatch.setattr("core.state_restore.derive", derive)
    state, skipped = new_state(), list[tuple[str, str]]()
    restore(state, [DOCUMENT, ("brand/nike", encode(brand_record(clock=7)))], lambda *it: skipped.append(it))
    assert skipped == [("brand/nike", repr(defect))]
    assert state.guarded == state.underived == {"nike"}
    assert list(state.due(6)) == []
    assert list(state.due(7)) == [state.brands["nike"]]


def brand_record(**changes: Any) -> BrandRecord:
    fields = {
        "day": date(2025, 9, 8),
        "day_starts_at": DAY_STARTS_AT,
        "daily_micros": 0,
        "month": date(2025, 9, 1),
        "month_starts_at": MONTH_STARTS_AT,
        "monthly_micros": 0,
        "clock": 0,
        "has_spend": False,
        "future_spend": {},
        "last_spend_at": None,
        "silence": None,
        "spent_before_day_micros": None,
        "daily_allowance_micros": None,
        "campaigns": [],
    }
    return BrandRecord(**fields | changes)  # type: ignore[arg-type]


def campaign_record(campaign_id: str, total_micros: int = 0) -> CampaignRecord:
    return CampaignRecord(campaign_id, date(2025, 9, 8), 0, total_micros, 1, None, (), {}, None, None, 0, None)
