"""`resumes_at` and `pauses_at` are the moments at which time alone changes a campaign."""

import pytest

from tests.core.scenario import check


@pytest.mark.parametrize(
    ("brand", "campaign", "spend", "observed"),
    [
        # One budget at a time.
        ("daily=100", "", "100", "daily_budget resumes_at=09T00:00"),
        ("monthly=100", "", "100", "monthly_budget resumes_at=10-01T00:00"),
        ("daily=100 monthly=100", "", "100", "daily_budget,monthly_budget resumes_at=10-01T00:00"),
        ("", "daily=100", "100", "campaign_daily_budget resumes_at=09T00:00"),
        ("", "daily=0.000001", "0.000001", "campaign_daily_budget resumes_at=09T00:00"),
        ("", "total=100", "100", "campaign_total_budget resumes_at=none"),
        ("daily=100", "total=100", "100", "campaign_total_budget,daily_budget resumes_at=none"),
        # A budget and a schedule.
        ("daily=100", 'windows="daily 09:00-17:00"', "100", "daily_budget resumes_at=09T09:00"),
        ("daily=100", 'windows="mon 09:00-17:00"', "100", "daily_budget resumes_at=15T09:00"),
        ("daily=100", 'windows="mon 09:00-24:00;tue 00:00-01:00"', "100", "daily_budget resumes_at=09T00:00"),
        ("monthly=100", 'windows="mon 09:00-17:00"', "100", "monthly_budget resumes_at=10-06T09:00"),
        # A budget and a flight.
        ("daily=100", "ends_on=2025-09-08", "100", "daily_budget resumes_at=none"),
        ("daily=100", "ends_on=2025-09-09", "100", "daily_budget resumes_at=09T00:00"),
        ("monthly=100", "ends_on=2025-09-30", "100", "monthly_budget resumes_at=none"),
        ("daily=100", 'windows="mon 09:00-17:00" ends_on=2025-09-14', "100", "daily_budget resumes_at=none"),
        ("daily=100", 'windows="mon 09:00-17:00" ends_on=2025-09-15', "100", "daily_budget resumes_at=15T09:00"),
    ],
)
def test_the_first_moment_at_which_nothing_holds_any_more(brand: str, campaign: str, spend: str, observed: str) -> None:
    check(f"""
        day 2025-09-08
        09:00 brand nike zone=UTC {brand}
        09:00 campaign a {campaign}
        10:00 spend a {spend}
          -> pause a {observed}
    """)


@pytest.mark.parametrize(
    ("brand", "campaign", "observed"),
    [
        ("daily=0", "", "daily_budget resumes_at=none"),
        ("monthly=0", "", "monthly_budget resumes_at=none"),
        ("", "daily=0", "campaign_daily_budget resumes_at=none"),
        ("", "total=0", "campaign_total_budget resumes_at=none"),
        ("daily=0", 'windows="daily 12:00-13:00"', "daily_budget,schedule resumes_at=none"),
        ("", 'windows="daily 12:00-13:00"', "schedule resumes_at=12:00"),
        ("", 'windows="daily 12:00-13:00" enabled=no', "manual,schedule resumes_at=none"),
        ("enabled=no", "", "manual resumes_at=none"),
        ("archived=yes", "", "archived resumes_at=none"),
        ("", "archived=yes", "archived resumes_at=none"),
        ("", "starts_on=2025-09-10", "flight resumes_at=10T00:00"),
        ("", 'starts_on=2025-09-10 windows="mon 09:00-17:00"', "flight resumes_at=15T09:00"),
        ("", 'starts_on=2025-09-10 ends_on=2025-09-14 windows="mon 09:00-17:00"', "flight resumes_at=none"),
        ("", "ends_on=2025-09-07", "flight resumes_at=none"),
        ("", 'starts_on=2031-09-10 windows="wed 09:00-17:00"', "flight,schedule resumes_at=2031-09-10T09:00"),
        ("", "raw={}", "invalid resumes_at=none"),
    ],
)
def test_a_first_state_tells_when_it_will_end(brand: str, campaign: str, observed: str) -> None:
    check(f"""
        day 2025-09-08
        first
        09:00 brand nike zone=UTC {brand}
        09:00 campaign a {campaign}
          -> pause a {observed}
    """)


def test_a_day_that_is_used_up_ahead_of_its_time_is_passed_over() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a
        09:00 campaign b daily=10
        23:58 spend a 100 t=09T00:01
        23:59 spend b 10
          -> pause b campaign_daily_budget resumes_at=10T00:00
        23:59 spend a 90
          -> pause a daily_budget resumes_at=10T00:00
    """)


def test_a_campaigns_own_day_that_is_used_up_ahead_delays_it_alone() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a
        09:00 campaign b daily=10
        23:58 spend b 10 t=09T00:01
        23:59 spend a 100
          -> pause a daily_budget resumes_at=09T00:00
          -> pause b daily_budget resumes_at=10T00:00
    """)


def test_a_month_that_is_used_up_ahead_of_its_time_is_passed_over() -> None:
    check("""
        day 2025-09-30
        09:00 brand nike zone=UTC daily=100 monthly=1000
        09:00 campaign a
        23:58 correct a 1000 on=2025-10-01
        23:59 spend a 100
          -> pause a daily_budget resumes_at=11-01T00:00
    """)


def test_a_refund_ahead_does_not_free_today() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a
        23:58 spend a -50 t=09T00:01
        23:59 spend a 100
          -> pause a daily_budget resumes_at=09T00:00
        09T00:00 tick
          -> resume a daily=-50.00
    """)


def test_a_change_of_zone_to_come_is_reckoned_with() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC,America/New_York@08T20:00 daily=100
        09:00 campaign a windows="daily 00:00-23:00"
        10:00 spend a 100
          -> pause a daily_budget resumes_at=09T04:00
    """)


def test_clocks_that_change_overnight_are_reckoned_with() -> None:
    check("""
        day 2025-09-06
        12:00 brand nike zone=America/Santiago daily=100
        12:00 campaign a
        12:01 spend a 100
          -> pause a daily_budget resumes_at=07T04:00
        07T04:00 tick
          -> resume a
        07T12:00 spend a 100
          -> pause a daily_budget resumes_at=08T03:00
    """)


@pytest.mark.parametrize(
    ("campaign", "pauses_at"),
    [
        ("", "none"),
        ('windows="daily 00:00-24:00"', "none"),
        ('windows="daily 09:00-17:00"', "17:00"),
        ('windows="daily 09:00-17:00;mon 17:00-18:00"', "18:00"),
        ('windows="mon 09:00-06:00"', "09T06:00"),
        ("ends_on=2025-09-08", "09T00:00"),
        ('windows="mon 09:00-06:00" ends_on=2025-09-08', "09T00:00"),
        ('windows="daily 09:00-17:00" ends_on=2025-10-08', "17:00"),
        ("starts_on=2025-09-08", "none"),
    ],
)
def test_a_resume_tells_when_time_alone_will_pause_it(campaign: str, pauses_at: str) -> None:
    check(f"""
        day 2025-09-08
        09:00 brand nike zone=UTC enabled=no
        09:00 campaign a {campaign}
        09:30 brand nike enabled=yes
          -> resume a pauses_at={pauses_at} resumes_at=none
    """)


def test_a_pause_tells_no_moment_at_which_time_would_pause_it() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC daily=100
        09:00 campaign a windows="daily 09:00-17:00"
        10:00 spend a 100
          -> pause a daily_budget resumes_at=09T09:00 pauses_at=none
    """)


@pytest.mark.parametrize(
    ("next_day", "resumes_at"),
    [
        ("97", "02T00:00"),  # below 100.00, its share of what is left without its own spend
        ("100", "03T00:00"),
        ("101", "03T00:00"),
    ],
)
def test_the_allowance_of_a_later_day_leaves_out_what_is_booked_from_that_day_on(
    next_day: str, resumes_at: str
) -> None:
    check(f"""
        day 2026-06-01
        09:00 brand nike zone=UTC monthly=3000 pacing=even
        09:00 campaign a
        10:00 correct a {next_day} on=2026-06-02
        10:00 correct a 500 on=2026-07-05
        12:00 spend a 100
          -> pause a pacing resumes_at={resumes_at}
    """)
