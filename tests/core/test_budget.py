"""Spend is of the day and month it happened in, whenever it arrives; a day, once open, is never left backwards."""

import json
from datetime import date

import pytest

from core.budget import band, book_on, is_reached, limit_of, roll
from core.calendar import next_day
from core.decide_catalog import decide_brand
from core.duplicates import DuplicateWindow
from core.moment import format_moment, parse_moment
from core.state import UNLIMITED, BrandState, CampaignState, Origin, PartitionState
from core.verdict import Verdict
from tests.core.scenario import Scenario, check

TODAY = date(2025, 9, 8)


def open_day(brand: BrandState) -> tuple[str, str, str]:
    assert brand.day
    return brand.day.date.isoformat(), format_moment(brand.day.starts_at), format_moment(brand.day.ends_at)


def test_a_percentage_is_reached_to_the_micro() -> None:
    assert is_reached(80, 100_000_001, 80_000_001)
    assert not is_reached(80, 100_000_001, 80_000_000)
    assert band(80_000_000, (80,), 100_000_001) == (-UNLIMITED, 80_000_001)
    assert band(80_000_001, (80,), 100_000_001) == (80_000_001, 100_000_001)


def test_percentages_of_a_zero_budget_are_never_reached() -> None:
    assert band(-5, (80,), 0) == (-UNLIMITED, UNLIMITED)


def test_a_zero_budget_is_used_up_by_any_spend_even_a_refund() -> None:
    assert limit_of(None) == UNLIMITED
    assert limit_of(5) == 5
    assert limit_of(0) < -(10**18)
    check("""
        day 2025-09-08
        first
        09:00 brand nike zone=UTC daily=0
        09:00 campaign a
          -> pause a daily_budget resumes_at=none
        09:01 spend a -5
        10T00:00 tick
        11T00:00 brand nike daily=none
          -> resume a
    """)


@pytest.mark.parametrize("record", ["tick", "reset daily UTC", "reset monthly UTC"])
def test_spend_dated_ahead_waits_for_its_day(record: str) -> None:
    check(f"""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100 monthly=1000
        09:00 campaign a daily=50
        09:00 campaign b
        23:56 spend a 60 t=09T00:00:30
        == nike day=2025-09-08 daily=0.00 monthly=60.00
        == a daily=0.00 total=60.00
        23:57 spend b 40 t=09T00:00
        23:58 spend b 1
        == nike daily=1.00 monthly=101.00
        09T00:00 {record}
          -> pause a campaign_daily_budget,daily_budget resumes_at=10T00:00
          -> pause b daily_budget resumes_at=10T00:00
        == nike day=2025-09-09 daily=100.00 monthly=101.00
        == a daily=60.00
        10T00:00 tick
          -> resume a daily=0.00
          -> resume b daily=0.00
    """)


def test_spend_dated_ahead_over_the_end_of_a_month_counts_for_the_new_month_alone() -> None:
    check("""
        day 2025-09-30
        18:00 brand nike zone=Asia/Karachi monthly=100
        18:00 campaign a
        18:58 spend a 100 t=19:00
        == nike month=2025-09 monthly=0.00
        == a total=100.00
        19:00 tick
          -> pause a monthly_budget resumes_at=10-31T19:00
        == nike month=2025-10 daily=100.00 monthly=100.00
        10-01T19:00 tick
        == nike daily=0.00 monthly=100.00
        10-31T19:00 tick
          -> resume a
    """)


def test_spend_dated_ahead_is_not_lost_when_nothing_comes_for_days() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a
        23:59 spend a 60 t=09T00:01
        11T12:00 tick
        == nike day=2025-09-11 daily=0.00 monthly=60.00
        == a daily=0.00 total=60.00
    """)


def test_ahead_by_the_tolerance_is_taken_and_a_millisecond_more_is_not() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC
        09:00 campaign a
        10:00 spend a 1 t=10:05:00
        10:00 spend a 2 t=10:05:00.001 id=early
        10:00:01 spend a 2 t=10:05:00.001 id=early
        == nike daily=3.00
    """)
    assert [getattr(it, "name", "refused") for it in scenario.verdicts[2:]] == ["COUNTED", "refused", "COUNTED"]


def test_refunds_of_closed_days_and_months_reach_only_what_is_still_open() -> None:
    check("""
        day 2025-09-08
        08-31T10:00 brand nike zone=UTC
        08-31T10:00 campaign a
        08-31T10:00 spend a 100
        08T10:00 spend a 10
        08T10:01 spend a -5 t=07T10:00
        == nike daily=10.00 monthly=5.00
        08T10:02 spend a -20 t=08-31T10:00
        == nike daily=10.00 monthly=5.00
        == a daily=10.00 total=85.00
        08T10:03 spend a -30 t=08T10:00
        == nike daily=-20.00 monthly=-25.00
    """)


def test_the_day_and_month_roll_by_spend_and_by_documents_too() -> None:
    table = """
        day 2025-09-30
        12:00 brand nike zone=UTC daily=100 monthly=100
        12:00 campaign a
        12:00 spend a 100
          -> pause a daily_budget,monthly_budget
        {record}
          -> resume a cause={cause}
        == nike day=2025-10-01 month=2025-10
    """
    for record, cause in (
        ("10-01T00:00 spend a 1", "spend"),
        ("10-01T00:00 correct a 1 on=2025-10-01", "correction"),
        ("10-01T00:00 brand nike name=n", "catalog"),
        ("10-01T00:00 campaign a name=n", "catalog"),
        ("10-01T00:00 campaign b", "catalog"),
        ("10-01T00:00 tick", "dayparting_tick"),
        ("10-01T00:00 reset daily UTC", "budget_reset"),
    ):
        check(table.format(record=record, cause=cause))


def test_a_reset_of_another_zone_or_before_its_time_changes_nothing() -> None:
    check("""
        day 2025-09-08
        12:00 brand nike zone=Asia/Karachi daily=100
        12:00 campaign a
        12:00 spend a 100
          -> pause a daily_budget
        19:00 reset daily UTC
        19:00 reset daily Asia/Karachi due=18:59:59.999
        18:59:59.999 reset daily Asia/Karachi due=19:00
        == nike day=2025-09-08 daily=100.00
        19:00:02 reset daily Asia/Karachi due=19:00
          -> resume a @19:00
    """)


def test_a_ticks_moment_is_the_lower_of_its_due_at_and_its_arrival() -> None:
    check("""
        day 2025-09-08
        12:00 brand nike zone=UTC daily=100
        12:00 campaign a
        12:00 spend a 100
          -> pause a daily_budget
        12:01 tick due=10T00:00
        == nike day=2025-09-08
        09T00:00:03 tick due=09T00:00
          -> resume a @09T00:00
    """)


def test_time_inside_a_brand_never_runs_backwards() -> None:
    check("""
        day 2025-09-09
        00:00 brand nike zone=UTC daily=100
        00:00 campaign a
        00:05 tick
        08T23:59 spend a 100 t=00:01
          -> pause a daily_budget @00:05
        == nike day=2025-09-09 daily=100.00
        00:06 tick due=00:03
        08T23:00 brand nike daily=200
          -> resume a @00:05
    """)


MOVED = """
    day 2025-09-08
    18:00 brand nike zone=Asia/Karachi daily=100 monthly=500
    18:00 campaign a
    19:00 tick
    19:30 spend a 60.00
    20:00 brand nike zone=America/Los_Angeles
    == nike day=2025-09-09 daily=60.00
"""


@pytest.mark.parametrize("restarts", [False, True])
def test_a_zone_that_is_replaced_keeps_the_open_day_its_start_and_its_totals(restarts: bool) -> None:
    scenario = check(MOVED)
    lines = [
        "09T08:00 brand nike name=n",
        "09T08:01 spend a 10.00 t=08T19:45",
        "09T08:02 spend a -1.00 t=08T18:59",
        "10T06:59 spend a 5.00",
    ]
    for line in lines:
        scenario.run(line)
        if restarts:
            scenario.restart()
        assert open_day(scenario.brand()) == ("2025-09-09", "2025-09-08T19:00:00Z", "2025-09-10T07:00:00Z")
    assert scenario.brand().daily_micros == 75_000_000
    assert scenario.brand().monthly_micros == 74_000_000
    scenario.run("10T07:00 tick")
    assert open_day(scenario.brand()) == ("2025-09-10", "2025-09-10T07:00:00Z", "2025-09-11T07:00:00Z")


@pytest.mark.parametrize("restarts", [False, True])
def test_a_zone_that_is_replaced_keeps_the_open_month_until_the_new_zone_passes_it(restarts: bool) -> None:
    scenario = check("""
        day 2025-09-30
        18:00 brand nike zone=Asia/Karachi monthly=100
        18:00 campaign a
        19:00 tick
        == nike month=2025-10
        19:30 spend a 60
        20:00 brand nike zone=America/Los_Angeles
        == nike month=2025-10 monthly=60.00
    """)
    if restarts:
        scenario.restart()
    scenario.run("10-31T20:00 spend a 40")
    scenario.expect("", ["-> pause a monthly_budget resumes_at=11-01T07:00"])
    scenario.run("11-01T06:59 tick")
    scenario.expect("", [])
    scenario.run("11-01T07:00 tick")
    scenario.expect("", ["-> resume a month=2025-11 monthly=0.00"])


def test_a_zone_ahead_of_the_former_opens_its_day_at_once() -> None:
    check("""
        day 2025-09-08
        18:00 brand nike zone=America/Los_Angeles daily=100
        18:00 campaign a
        18:01 spend a 100
          -> pause a daily_budget resumes_at=09T07:00
        20:00 brand nike zone=America/Los_Angeles,Asia/Karachi@08T20:00
          -> resume a day=2025-09-09 daily=0.00
        20:01 spend a 1 t=19:59
        == nike daily=0.00 monthly=101.00
    """)


def test_money_of_a_campaign_that_is_not_known_counts_and_joins_it_later() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a
        10:00 spend x 30
        == nike daily=30.00
        restart
        11:00 campaign x daily=30 total=50
        == x daily=30.00 total=30.00 reasons=campaign_daily_budget sequence=1
        09T00:00 tick
          -> resume x daily=0.00 total=30.00
    """)
    assert scenario.verdicts[2] is Verdict.COUNTED_FOR_UNKNOWN_CAMPAIGN


def test_spend_in_another_currency_or_of_no_known_brand_is_not_counted_and_uses_up_no_id() -> None:
    scenario = check("""
        day 2025-09-08
        09:00 spend a 1 id=e1 brand=nike
        09:01 brand nike zone=UTC
        09:01 campaign a
        09:02 spend a 1 id=e1 currency=EUR
        09:03 spend a 1 id=e1 currency=USD
        09:04 spend a 2 id=e1
        09:05 spend a 1 id=e1
        == nike daily=1.00
    """)
    names = [getattr(it, "name", getattr(getattr(it, "reason", None), "name", "")) for it in scenario.verdicts]
    assert names == [
        "UNKNOWN_BRAND",
        "APPLIED",
        "APPLIED",
        "CURRENCY_MISMATCH",
        "COUNTED",
        "DUPLICATE_OF_OTHER_AMOUNT",
        "DUPLICATE",
    ]


def test_two_brands_may_use_the_same_event_id() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC
        09:00 campaign a
        09:00 brand puma zone=UTC
        09:00 campaign b
        10:00 spend a 1 id=same brand=nike
        10:00 spend b 2 id=same brand=puma
        == nike daily=1.00
        == puma daily=2.00
    """)


def test_a_document_after_months_of_silence_opens_the_day_and_month_of_its_arrival() -> None:
    scenario = Scenario()
    document = {"brand_id": "nike", "version": 1, "zones": [{"time_zone": "UTC", "from": None}], "currency": "USD"}
    for version, moment in enumerate(("2025-09-08T00:00:00Z", "2025-12-31T23:00:00Z"), start=1):
        value = json.dumps(document | {"version": version}).encode()
        decide_brand(scenario.state, "nike", value, Origin("catalog", version, parse_moment(moment)))
    brand = scenario.brand("nike")
    assert brand.month
    assert format_moment(brand.month.ends_at) == "2026-01-01T00:00:00Z"
    assert open_day(brand) == ("2025-12-31", "2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z")


def test_a_correction_of_the_open_day_is_added_to_what_the_campaign_has_spent() -> None:
    brand, campaign = booked_brand()
    book_on(brand, campaign, 3, TODAY)
    book_on(brand, campaign, 4, TODAY)
    assert (campaign.daily_micros, campaign.total_micros, brand.daily_micros, brand.monthly_micros) == (7, 7, 7, 7)


def test_amounts_of_one_day_to_come_add_up_and_are_gone_once_it_is_open() -> None:
    brand, campaign = booked_brand()
    tomorrow = next_day(TODAY)
    book_on(brand, campaign, 3, tomorrow)
    book_on(brand, campaign, 4, tomorrow)
    assert (campaign.future_spend, brand.future_spend) == ({tomorrow: 7}, {tomorrow: 7})
    roll(brand, parse_moment("2025-09-09T00:00:00Z"))
    assert (campaign.daily_micros, brand.daily_micros, campaign.future_spend, brand.future_spend) == (7, 7, {}, {})


def booked_brand() -> tuple[BrandState, CampaignState]:
    state = PartitionState(0, DuplicateWindow(10))
    document = {"kind": "brand", "brand_id": "nike", "version": 1, "zones": [{"time_zone": "UTC", "from": None}]}
    moment = parse_moment("2025-09-08T09:00:00Z")
    value = json.dumps(document | {"currency": "USD", "daily_budget": None, "monthly_budget": None}).encode()
    assert decide_brand(state, "nike", value, Origin("catalog", 0, moment)) is Verdict.APPLIED
    brand = state.brands["nike"]
    campaign = brand.campaign("a")
    return brand, campaign
