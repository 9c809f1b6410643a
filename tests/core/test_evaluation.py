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
