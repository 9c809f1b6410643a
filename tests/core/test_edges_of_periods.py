"""First and last moments, and what is kept where a period, a zone or a currency changes."""

from datetime import date

from core.calendar import ZoneSpan
from core.dayparting import Schedule, changes, openness
from core.refusal import Refusal, RefusalReason
from core.verdict import Verdict
from core.windows import parse_window
from tests.core.clock_changes import at
from tests.core.scenario import Scenario, check


def test_after_a_correction_the_currency_is_fixed() -> None:
    scenario = run("09:00 brand nike zone=UTC", "09:01 correct a 1 on=2025-09-08", "09:02 brand nike currency=EUR")
    refusal = scenario.verdicts[-1]
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.CURRENCY_MISMATCH


def test_before_the_first_spend_the_currency_may_change() -> None:
    scenario = run("09:00 brand nike zone=UTC", "09:02 brand nike currency=EUR", "09:03 spend a 1 currency=EUR")
    assert scenario.verdicts[-2:] == [Verdict.APPLIED, Verdict.COUNTED_FOR_UNKNOWN_CAMPAIGN]


def test_a_first_resume_keeps_its_moment_and_cause_while_it_is_awaited() -> None:
    scenario = run(
        "09:00 brand nike zone=UTC daily=10",
        "hold",
        "09:01 campaign a",
        "09:05 brand nike daily=20",
        "09:06 correct a 1 on=2025-09-08",
        "release",
    )
    first = scenario.commands[0]
    assert (first.action, first.decided_at) == ("resume", "2025-09-08T09:01:00Z")
    assert (first.cause.kind, first.cause.offset) == ("catalog", 1)


def test_late_spend_of_the_first_moment_of_the_month_is_of_the_month() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC
        09:01 spend a 1 t=2025-09-01T00:00:00
        == nike daily=0.00 monthly=1.00
        09:02 spend a 1 t=2025-08-31T23:59:59.999
        == nike daily=0.00 monthly=1.00
        """)


def test_the_open_month_keeps_its_start_where_the_zone_is_replaced() -> None:
    check("""
        day 2025-09-30
        19:30 brand nike zone=Asia/Karachi
        == nike day=2025-10-01 month=2025-10
        20:00 brand nike zone=America/Los_Angeles
        day 2025-10-02
        08:00 spend a 1 t=2025-09-30T19:00:00
        == nike day=2025-10-02 month=2025-10 daily=0.00 monthly=1.00
        08:01 spend a 1 t=2025-09-30T18:59:59.999
        == nike monthly=1.00
        """)


def test_money_dated_two_months_ahead_is_of_that_month_alone() -> None:
    check("""
        day 2025-09-08
        09:00 brand nike zone=UTC
        09:00 campaign a
        09:01 correct a 7 on=2025-11-05
        == nike daily=0.00 monthly=0.00
        day 2025-10-01
        00:00 tick
        == nike daily=0.00 monthly=0.00
        day 2025-11-01
        00:00 tick
        == nike daily=0.00 monthly=7.00
        day 2025-11-05
        00:00 tick
        == nike daily=7.00 monthly=7.00
        == a daily=7.00
        """)


def test_windows_of_the_day_before_last_over_st_johns_midnight_that_went_back() -> None:
    # At 00:01 of Sunday, 7 November 2010, it was 23:01 of Saturday again.
    zones = (ZoneSpan("America/St_Johns", None),)
    for text, starts_at, ends_at in (
        ("sat 23:30-00:30", "2010-11-07T02:00:00Z", "2010-11-07T04:00:00Z"),
        ("fri 23:45-23:30", "2010-11-06T02:15:00Z", "2010-11-07T03:00:00Z"),
        ("sat 00:00-23:30", "2010-11-06T02:30:00Z", "2010-11-07T03:00:00Z"),
    ):
        schedule = Schedule((parse_window(text),), date(2010, 11, 1), date(2010, 11, 30))
        since, until = at("2010-11-06T00:00:00Z"), at("2010-11-08T00:00:00Z")
        assert list(changes(schedule, zones, since, until)) == [(at(starts_at), True), (at(ends_at), False)], text
        for moment in ("2010-11-07T02:30:30Z", "2010-11-07T02:31:00Z", "2010-11-07T02:59:59Z"):
            assert openness(schedule, zones, at(moment)).in_window, (text, moment)


def test_a_reset_reaches_brands_that_know_the_zone_by_another_name() -> None:
    for named, reset in (("Asia/Calcutta", "Asia/Kolkata"), ("Asia/Kolkata", "Asia/Calcutta"), ("UTC", "Etc/Zulu")):
        scenario = run(f"09:00 brand nike zone={named}", f"day 2025-09-10\n12:00 reset daily {reset}")
        assert scenario.brand("nike").day[0] == date(2025, 9, 10), (named, reset)  # type: ignore[index]


def run(*lines: str) -> Scenario:
    scenario = Scenario()
    scenario.run("day 2025-09-08")
    for line in "\n".join(lines).split("\n"):
        scenario.run(line)
    return scenario
