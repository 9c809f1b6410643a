"""Budgets for today and for certain dates, as they are typed."""

from datetime import date

import pytest

from core.errors import RefusedValue
from core.overrides import NO_OVERRIDES, Override, Overrides
from operations.budget_overrides import edited_overrides, override_text, upcoming

TODAY = date(2026, 11, 26)


def edited(held: Overrides, today: str | None = None, *added: str, removed: tuple[str, ...] = ()) -> list[str]:
    overrides = edited_overrides(held, TODAY, budget_today=today, added=added, removed=removed, has_monthly=True)
    return [override_text(*it) for it in upcoming(overrides, date.min)]


def held(*added: str) -> Overrides:
    return edited_overrides(NO_OVERRIDES, TODAY, added=added, has_monthly=True)


def test_a_budget_for_today_replaces_what_is_in_force_today_alone() -> None:
    assert edited(NO_OVERRIDES, "500") == ["2026-11-26 daily=500.00"]
    assert edited(held("2026-11-26 daily=1"), "none") == ["2026-11-26 daily=none"]
    assert edited(held("2026-11-24..2026-11-28 daily=1"), "2") == [
        "2026-11-24..2026-11-25 daily=1.00",
        "2026-11-26 daily=2.00",
        "2026-11-27..2026-11-28 daily=1.00",
    ]


def test_what_is_written_last_is_in_force_on_its_dates() -> None:
    before = held("2026-11-27..2026-11-30 daily=500", "2026-12-01..2027-01-31 monthly=9000")
    assert edited(before, None, "2026-11-29..2026-12-02 daily=7", "2027-01-01..2027-01-31 monthly=none") == [
        "2026-11-27..2026-11-28 daily=500.00",
        "2026-11-29..2026-12-02 daily=7.00",
        "2026-12-01..2026-12-31 monthly=9000.00",
        "2027-01-01..2027-01-31 monthly=none",
    ]
    assert edited(before, None, "2026-12-01..2026-12-31 daily=1 monthly=2") == [
        "2026-11-27..2026-11-30 daily=500.00",
        "2026-12-01..2026-12-31 daily=1.00",
        "2026-12-01..2026-12-31 monthly=2.00",
        "2027-01-01..2027-01-31 monthly=9000.00",
    ]


def test_removal_of_dates_and_of_all() -> None:
    before = held("2026-11-27..2026-11-30 daily=500", "2026-11-01..2026-11-30 monthly=9000")
    assert edited(before, removed=("all",)) == []
    assert edited(before, removed=("2026-11-28",)) == [
        "2026-11-01..2026-11-30 monthly=9000.00",
        "2026-11-27 daily=500.00",
        "2026-11-29..2026-11-30 daily=500.00",
    ]
    assert edited(before, removed=("2026-11-01..2026-11-30",)) == []
    assert edited(before, "5", "2026-11-27 daily=6", removed=("all",)) == [
        "2026-11-26 daily=5.00",
        "2026-11-27 daily=6.00",
    ]


def test_what_ended_a_month_ago_is_left_out_and_the_list_does_not_fill_up() -> None:
    overrides = NO_OVERRIDES
    for number in range(300):
        today = date.fromordinal(TODAY.toordinal() + number)
        overrides = edited_overrides(overrides, today, budget_today="5", has_monthly=True)
    assert len(overrides.daily) == 32
    assert [it.first.isoformat() for _, it in upcoming(overrides, today)] == ["2027-09-21"]


@pytest.mark.parametrize(
    ("added", "why"),
    [
        ("", "no date"),
        ("2026-11-27", "is no budget override"),
        ("2026-11-27 500", "is no budget override"),
        ("2026-11-27 total=500", "is no budget override"),
        ("2026-11-27 daily=1,000.00", "between thousands"),
        ("2026-11-27..2026-11-26 daily=1", "end before it begins"),
        ("none daily=1", "is no date"),
        ("2026-11-31 daily=1", "is no date"),
        ("2026-11-27..2026-11-28 monthly=1", "whole months"),
        ("1969-01-01 daily=1", "is no date"),
    ],
)
def test_what_cannot_be_taken_says_what_to_write(added: str, why: str) -> None:
    with pytest.raises(RefusedValue, match=why):
        edited_overrides(NO_OVERRIDES, TODAY, added=[added], has_monthly=True)


def test_a_campaign_has_no_monthly_budget() -> None:
    with pytest.raises(RefusedValue, match="no monthly budget"):
        edited_overrides(NO_OVERRIDES, TODAY, added=["2026-11-01..2026-11-30 monthly=1"], has_monthly=False)


def test_an_override_at_the_ends_of_the_calendar() -> None:
    before = Overrides((Override(date(1970, 1, 1), date.max, 5),))
    assert edited(before, None, "9999-12-31 daily=1")[-1] == "9999-12-31 daily=1.00"
