"""A paced brand spends an even share of its month each day: an allowance that is fixed when the day begins."""

import json

import msgspec
import pytest

from core.budget import even_allowance
from core.calendar import ZoneSpan, budget_day, budget_month
from core.catalog import BrandConfig, read_brand_config
from core.moment import parse_moment
from core.refusal import Refusal
from core.state_records import decode_brand, encode
from tests.core.scenario import check


def test_t19_the_allowance_of_a_day_is_its_even_share_of_what_is_left() -> None:
    check("""
        day 2026-06-01
        00:00 brand nike zone=UTC monthly=3000 pacing=even
        00:00 campaign a
        == nike allowance=100.00
        12:00 spend a 40
        02T00:00 tick
        == nike allowance=102.068965
        02T09:00 spend a 102.068964
        02T09:01 spend a 0.000001
          -> pause a pacing resumes_at=03T00:00 daily_allowance=102.068965
        02T10:00 brand nike monthly=6000
          -> resume a daily_allowance=205.517241
        03T00:00 tick
        == nike allowance=209.211822
    """)


def test_late_spend_changes_the_allowance_of_the_next_day_only() -> None:
    check("""
        day 2026-06-01
        00:00 brand nike zone=UTC monthly=3000 pacing=even
        00:00 campaign a
        12:00 spend a 40
        02T00:00 tick
        02T03:00 spend a 5 t=01T12:00
        == nike allowance=102.068965 monthly=45.00
        02T04:00 correct a 10 on=2026-06-01
        02T05:00 spend a 1 t=2026-05-31T12:00
        restart
        == nike allowance=102.068965 monthly=55.00
        02T06:00 brand nike name=other
        02T06:00 brand nike daily=1000
        == nike allowance=102.068965
        02T07:00 brand nike monthly=3000.01
        == nike allowance=102.06931
        02T07:00 brand nike monthly=3000
        == nike allowance=102.068965
        03T00:00 tick
        == nike allowance=105.178571
    """)


@pytest.mark.parametrize(
    ("day", "zone", "monthly", "spent", "begins_at", "allowance"),
    [
        ("2026-03-01", "America/New_York", "743", "168", "08T05:00", "23.00"),  # 23 hours
        ("2026-11-01", "America/New_York", "721", "0", "01T04:00", "25.00"),  # 25 hours
        ("2026-11-01", "America/New_York", "721", "25", "02T05:00", "24.00"),
        ("2026-06-01", "UTC", "3000", "2999.999999", "30T00:00", "0.000001"),  # the last day has all that is left
        ("2026-06-01", "UTC", "3000", "2999.999999", "29T00:00", "0.00"),
        ("2026-06-01", "UTC", "3000", "3000", "03T00:00", "0.00"),
        ("2026-06-01", "UTC", "3000", "3600", "03T00:00", "0.00"),
        ("2026-06-01", "UTC", "3000", "-300", "30T00:00", "3300.00"),
        ("2026-01-01", "UTC", "31", "0", "01T00:00", "1.00"),
        ("2026-02-01", "UTC", "28", "0", "01T00:00", "1.00"),
        ("2026-06-01", "UTC", "0", "0", "01T00:00", "0.00"),
        ("2026-06-01", "UTC", "999999999999.999999", "0", "01T00:00", "33333333333.333333"),
        ("2026-03-01", "Asia/Kathmandu", "31", "0", "01T00:00", "1.00"),
    ],
)
def test_t19_an_allowance(day: str, zone: str, monthly: str, spent: str, begins_at: str, allowance: str) -> None:
    spending = "" if spent == "0" else f"01T05:00 spend a {spent}"
    check(f"""
        day {day}
        01T04:00 brand nike zone={zone} enabled=no
        01T04:00 campaign a
        {spending}
        {begins_at} tick
        {begins_at} brand nike monthly={monthly} pacing=even
        == nike allowance={allowance}
        restart
        == nike allowance={allowance}
    """)


def test_a_month_with_a_change_of_zone() -> None:
    """From Karachi to Los Angeles on 2026-06-11: the 11th is open for 36 hours, and the month 12 hours longer."""
    check("""
        day 2026-06-10
        00:00 brand nike zone=Asia/Karachi,America/Los_Angeles@11T10:00 monthly=732 pacing=even
        00:00 campaign a
        09T00:00 correct a 240 on=2026-06-01
        10T19:00 tick
        == nike day=2026-06-11 allowance=36.00
        12T07:00 tick
        == nike day=2026-06-12 allowance=25.894736
    """)


def test_a_change_of_zone_leaves_the_open_days_allowance() -> None:
    check("""
        day 2026-06-11
        00:00 brand nike zone=Asia/Karachi monthly=3000 pacing=even
        00:00 campaign a
        == nike day=2026-06-11 allowance=150.00
        10:00 brand nike zone=Asia/Karachi,America/Los_Angeles@11T10:00
        == nike day=2026-06-11 allowance=150.00
        restart
        == nike allowance=150.00
    """)


def test_refunds_resume_and_a_refund_of_an_earlier_day_waits() -> None:
    check("""
        day 2026-06-02
        00:00 brand nike zone=UTC monthly=2900 pacing=even
        00:00 campaign a
        10:00 spend a 100
          -> pause a pacing resumes_at=03T00:00
        10:01 spend a -50 t=01T10:00
        == nike allowance=100.00
        10:02 spend a -0.000001
          -> resume a
        10:03 spend a 0.000001
          -> pause a pacing
        03T00:00 tick
          -> resume a daily_allowance=101.785714
    """)


def test_an_allowance_of_zero_pauses_at_once_until_a_day_has_one() -> None:
    check("""
        day 2026-06-01
        00:00 brand nike zone=UTC monthly=3000
        00:00 campaign a
        12:00 spend a 2999.999999
        28T00:00 brand nike pacing=even
          -> pause a pacing daily_allowance=0.00 resumes_at=30T00:00
        29T00:00 tick
        30T00:00 tick
          -> resume a daily_allowance=0.000001
        30T00:01 spend a 0.000001
          -> pause a monthly_budget,pacing resumes_at=07-01T00:00
        07-01T00:00 tick
          -> resume a daily_allowance=96.774193
    """)


def test_a_day_with_net_refunds_is_below_an_allowance_of_zero() -> None:
    check("""
        day 2026-06-10
        00:00 brand nike zone=UTC monthly=10
        00:00 campaign a
        01:00 spend a 9
        11T00:00 tick
        11T00:01 spend a -5
        11T00:02 brand nike monthly=9 pacing=even
        == nike allowance=0.00 daily=-5.00
        11T00:03 spend a 5
          -> pause a monthly_budget,pacing resumes_at=07-01T00:00
    """)


def test_the_daily_budget_stands_beside_it() -> None:
    check("""
        day 2026-06-01
        00:00 brand nike zone=UTC monthly=3000 daily=80 pacing=even
        00:00 campaign a
        10:00 spend a 80
          -> pause a daily_budget resumes_at=02T00:00 daily_allowance=100.00
        11:00 spend a 20
        == a reasons=daily_budget,pacing sequence=2
        12:00 brand nike daily=none
        13:00 brand nike pacing=none
          -> resume a daily_allowance=None
        14:00 brand nike pacing=even
          -> pause a pacing
    """)


def test_overrides_of_the_monthly_budget_fix_the_allowance_anew() -> None:
    check("""
        day 2026-06-01
        00:00 brand nike zone=UTC monthly=3000 pacing=even overrides="2026-07-01..2026-07-31 monthly=62"
        00:00 campaign a
        10:00 spend a 100
          -> pause a pacing resumes_at=02T00:00
        10:01 brand nike overrides="2026-06-01..2026-07-31 monthly=6200"
          -> resume a daily_allowance=206.666666
        10:02 brand nike overrides="2026-06-01..2026-06-30 monthly=none"
        == nike allowance=none
        10:03 brand nike overrides="2026-07-01..2026-07-31 monthly=62"
          -> pause a pacing daily_allowance=100.00
        30T00:00 tick
          -> resume a
        30T12:00 spend a 2900
          -> pause a monthly_budget,pacing resumes_at=07-01T00:00
        07-01T00:00 tick
          -> resume a daily_allowance=2.00 monthly_budget=62.00
    """)


def test_an_override_to_nothing_ends_a_pause_by_pacing() -> None:
    check("""
        day 2026-06-30
        00:00 brand nike zone=UTC monthly=3000 pacing=even overrides="2026-07-01..2026-07-31 monthly=0"
        00:00 campaign a
        10:00 spend a 3000
          -> pause a monthly_budget,pacing resumes_at=08-01T00:00
        07-01T00:00 tick
        == a reasons=monthly_budget,pacing
        08-01T00:00 tick
          -> resume a daily_allowance=96.774193
    """)


def test_a_day_is_paced_by_what_is_dated_ahead_too() -> None:
    check("""
        day 2026-06-01
        00:00 brand nike zone=UTC monthly=3000 pacing=even
        00:00 campaign a
        23:57 spend a 110 t=02T00:01
        == nike allowance=100.00 monthly=110.00
        23:58 spend a 100
          -> pause a pacing resumes_at=03T00:00
        02T00:00 tick
        == nike allowance=100.00
    """)


def test_an_opening_balance_was_known_when_the_day_began() -> None:
    """A replay tells it after the catalog; a repair of an earlier day comes late like the spend that it repairs."""
    scenario = check("""
        day 2026-06-16
        00:00 brand nike zone=UTC monthly=3000 pacing=even
        00:00 campaign a
        00:01 correct a 500 on=2026-06-01
        == nike allowance=200.00
        00:02 correct a 1500 on=2026-06-01 opening=yes
        == nike allowance=100.00
        00:03 correct a 50 on=2026-05-31 opening=yes
        00:03 correct a 50 on=2026-06-16 opening=yes
        == nike allowance=100.00 daily=50.00
        00:04 correct a 50 on=2026-06-16 opening=yes
          -> pause a pacing
    """)
    assert scenario.brand().spent_before_day_micros == 1_500_000_000


def test_days_without_a_tick_are_passed() -> None:
    check("""
        day 2026-06-01
        00:00 brand nike zone=UTC monthly=3000 pacing=even
        00:00 campaign a
        01:00 spend a 100
          -> pause a pacing
        16T03:00 spend a 50 t=15T12:00
          -> resume a daily_allowance=193.333333
        == nike allowance=193.333333 monthly=150.00
    """)


def test_it_needs_a_monthly_budget() -> None:
    document = {"brand_id": "nike", "version": 1, "currency": "USD", "pacing": "even"}
    document |= {"zones": [{"time_zone": "UTC", "from": None}]}  # type: ignore[dict-item]
    refused = read_brand_config("nike", json.dumps(document).encode())
    assert isinstance(refused, Refusal)
    assert "monthly_budget" in refused.message
    taken = read_brand_config("nike", json.dumps(document | {"monthly_budget": "0"}).encode())
    assert isinstance(taken, BrandConfig)
    assert taken.is_paced
    assert isinstance(read_brand_config("nike", json.dumps(document | {"pacing": "odd"}).encode()), Refusal)
    scenario = check("""
        day 2026-06-01
        00:00 brand nike zone=UTC monthly=3000 pacing=even
        00:00 brand nike monthly=none
        == nike allowance=100.00
    """)
    assert isinstance(scenario.verdicts[-1], Refusal)


def test_state_of_an_older_release_is_read() -> None:
    """It has neither the allowance nor what was spent before the day: that is worked out from what is known."""
    scenario = check("""
        day 2026-06-02
        00:00 brand nike zone=UTC monthly=2900 pacing=even
        00:00 campaign a
        00:01 correct a 29 on=2026-06-01
        23:58 spend a 60
        23:58 spend a 10 t=03T00:01
    """)
    scenario.flush()
    record = decode_brand(scenario.stored[b"brand/nike"])
    older = msgspec.structs.replace(record, spent_before_day_micros=None, daily_allowance_micros=None)
    scenario.stored[b"brand/nike"] = encode(older)
    scenario.crash()
    assert scenario.brand().spent_before_day_micros == 29_000_000
    scenario.run("== nike allowance=99.00 daily=60.00 monthly=99.00")


def test_percents_of_the_allowance_raise_alerts() -> None:
    check("""
        day 2026-06-01
        alerts
        00:00 brand nike zone=UTC monthly=3000 pacing=even percents=80,100
        00:00 campaign a
        10:00 spend a 79.99
        10:01 spend a 0.01
          -> raised threshold daily_allowance 80 spent=80.00 limit=100.00 period=2026-06-01
        10:02 spend a 20
          -> raised threshold daily_allowance 100 severity=critical
          -> pause a pacing
        10:03 brand nike monthly=4500
          -> resolved threshold daily_allowance 100
          -> resolved threshold daily_allowance 80
          -> resume a
        02T00:00 tick
        02T10:00 spend a 121.379311
          -> raised threshold daily_allowance 80 period=2026-06-02
        02T10:01 brand nike monthly=4500 overrides="2026-06-01..2026-06-30 monthly=none"
          -> resolved threshold daily_allowance 80
    """)


def test_percents_are_of_the_budget_in_force() -> None:
    check("""
        day 2026-06-01
        alerts
        00:00 brand nike zone=UTC daily=100 percents=80 overrides="2026-06-02..2026-06-02 daily=200"
        00:00 campaign a daily=50 overrides="2026-06-02..2026-06-02 daily=none"
        10:00 spend a 40
          -> raised threshold campaign_daily_budget 80
        02T00:00 tick
        02T10:00 spend a 159
        02T10:01 spend a 1
          -> raised threshold daily_budget 80 limit=200.00 period=2026-06-02
    """)


def test_nothing_is_left_for_the_last_day_of_a_month_that_is_used_up() -> None:
    zones, last_day = (ZoneSpan("UTC", None),), parse_moment("2026-06-30T12:00:00Z")
    day, month = budget_day(zones, last_day), budget_month(zones, last_day)
    assert [even_allowance(left, day, month) for left in (-5, 0, 7)] == [0, 0, 7]


def test_opening_balances_of_several_days_were_all_spent_before_the_open_one() -> None:
    scenario = check("""
        day 2026-06-03
        00:00 brand nike zone=UTC monthly=3000 pacing=even
        00:00 campaign a
        00:01 correct a 30 on=2026-06-01 opening=yes
        00:01 correct a 40 on=2026-06-02 opening=yes
    """)
    assert scenario.brand().spent_before_day_micros == 70_000_000
