"""The clock of a brand moves on, and what began or ended on the way is evaluated."""

from core.evaluation import advance
from core.moment import parse_moment
from tests.core.scenario import check


def test_the_clock_never_goes_back_and_says_whether_something_began_or_ended() -> None:
    scenario = check("""
        day 2025-09-08
        08:00 brand nike zone=UTC
        08:00 campaign a windows="daily 06:00-17:00"
    """)
    state, brand = scenario.state, scenario.brand()
    for moment, has_changed, clock in (
        ("09:00:00", False, "09:00:00"),
        ("08:30:00", False, "09:00:00"),
        ("16:59:59", False, "16:59:59"),
        ("17:00:00", True, "17:00:00"),
        ("17:00:01", False, "17:00:01"),
    ):
        assert advance(state, brand, parse_moment(f"2025-09-08T{moment}Z")) is has_changed
        assert brand.clock == parse_moment(f"2025-09-08T{clock}Z")


def test_a_campaign_that_the_catalog_does_not_know_stops_no_other_from_pausing() -> None:
    check("""
        day 2025-09-08
        08:00 brand nike zone=UTC daily=5
        08:00 campaign b
        09:00 spend a-unknown 5
          -> pause b daily_budget
    """)


def test_every_reason_of_brand_and_campaign_is_named() -> None:
    check("""
        day 2025-09-08
        08:00 brand nike zone=UTC daily=5 monthly=5
        08:00 campaign b daily=5 total=5 windows="daily 06:00-17:00" ends_on=2025-09-08
        08:01 brand nike enabled=no
          -> pause b manual
        08:02 brand nike archived=yes
        08:03 spend b 5
        17:00 tick
        08:04 brand nike archived=yes
        == b reasons=archived,campaign_daily_budget,campaign_total_budget,daily_budget,manual,monthly_budget,schedule
    """)


def test_the_reasons_of_a_campaign_add_up() -> None:
    check("""
        day 2025-09-08
        08:00 brand nike zone=UTC
        08:00 campaign b daily=5 total=5 windows="daily 06:00-17:00" ends_on=2025-09-08 archived=yes
        08:01 campaign b enabled=no
        == b reasons=archived,manual
        08:03 spend b 5
        == b reasons=archived,campaign_daily_budget,campaign_total_budget,manual
        17:00 tick
        == b reasons=archived,campaign_daily_budget,campaign_total_budget,manual,schedule
        09T00:00 tick
        == b reasons=archived,campaign_total_budget,flight,manual,schedule
    """)
