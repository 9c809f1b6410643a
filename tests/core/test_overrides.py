"""Budgets for certain dates are in force from the first to the last moment of those budget days, and move no money."""

import json
from datetime import date
from typing import Any

import pytest

from core.catalog import BrandConfig, CampaignConfig, read_brand_config, read_campaign_config
from core.overrides import (
    OVERRIDES_MAX,
    Override,
    Overrides,
    budget_on,
    checked_overrides,
    next_change,
    override_documents,
    read_overrides,
)
from core.refusal import Refusal
from tests.core.scenario import check

ZONES = [{"time_zone": "UTC", "from": None}]


def brand(**fields: Any) -> BrandConfig | Refusal:
    document = {"brand_id": "nike", "version": 1, "zones": ZONES, "currency": "USD"} | fields
    return read_brand_config("nike", json.dumps(document).encode())


def campaign(**fields: Any) -> CampaignConfig:
    document = {"brand_id": "nike", "campaign_id": "a", "version": 1} | fields
    return read_campaign_config("nike", "a", json.dumps(document).encode())


def test_t20_a_higher_budget_on_two_days() -> None:
    check("""
        day 2026-11-26
        09:00 brand nike zone=UTC daily=100 overrides="2026-11-27..2026-11-28 daily=500"
        09:00 campaign a
        20:00 spend a 100
          -> pause a daily_budget resumes_at=27T00:00 daily_budget=100.00
        27T00:00 tick
          -> resume a daily_budget=500.00
        27T12:00 spend a 300
        28T00:00 tick
        28T12:00 spend a 500
          -> pause a daily_budget resumes_at=29T00:00 daily_budget=500.00
        29T00:00 tick
          -> resume a daily_budget=100.00
        29T12:00 spend a 100
          -> pause a daily_budget resumes_at=30T00:00 daily_budget=100.00
    """)


def test_an_override_of_today_takes_effect_and_ends_with_its_removal() -> None:
    check("""
        day 2026-11-27
        09:00 brand nike zone=UTC daily=100 monthly=1000
        09:00 campaign a
        10:00 spend a 100
          -> pause a daily_budget
        11:00 brand nike overrides="2026-11-27..2026-11-27 daily=150"
          -> resume a daily_budget=150.00
        == nike daily=100.00 monthly=100.00
        12:00 brand nike overrides=
          -> pause a daily_budget resumes_at=28T00:00
        13:00 brand nike overrides="2026-11-27..2026-11-27 daily=none"
          -> resume a daily_budget=None
    """)


def test_budgets_of_campaign_and_month() -> None:
    check("""
        day 2026-11-30
        09:00 brand nike zone=UTC monthly=100 overrides="2026-12-01..2026-12-31 monthly=300"
        09:00 campaign a daily=50 overrides="2026-12-01..2026-12-01 daily=200"
        10:00 spend a 50
          -> pause a campaign_daily_budget resumes_at=12-01T00:00 campaign_daily_budget=50.00
        12-01T00:00 tick
          -> resume a campaign_daily_budget=200.00 monthly_budget=300.00
        12-01T10:00 spend a 199
        12-01T11:00 spend a 1
          -> pause a campaign_daily_budget resumes_at=12-02T00:00
        12-02T00:00 tick
          -> resume a campaign_daily_budget=50.00
        12-02T01:00 spend a 100
          -> pause a campaign_daily_budget,monthly_budget resumes_at=2027-01-01T00:00
    """)


@pytest.mark.parametrize(
    ("brand_fields", "campaign_fields", "observed"),
    [
        # Zero on some dates: until another budget is in force.
        ('daily=100 overrides="2026-11-26..2026-11-28 daily=0"', "", "daily_budget resumes_at=29T00:00"),
        ('daily=0 overrides="2026-11-28..2026-11-28 daily=5"', "", "daily_budget resumes_at=28T00:00"),
        ('daily=0 overrides="2026-11-20..2026-11-25 daily=5"', "", "daily_budget resumes_at=none"),
        ('daily=0 overrides="2031-11-28..2031-11-28 daily=5"', "", "daily_budget resumes_at=2031-11-28T00:00"),
        (
            'daily=0 overrides="2026-11-26..2026-11-27 daily=0;2026-11-28..2026-11-28 daily=0"',
            "",
            "daily_budget resumes_at=none",
        ),
        ('monthly=0 overrides="2027-01-01..2027-01-31 monthly=none"', "", "monthly_budget resumes_at=2027-01-01T00:00"),
        ("", 'daily=0 overrides="2026-12-03..2026-12-04 daily=5"', "campaign_daily_budget resumes_at=12-03T00:00"),
        (
            'daily=0 overrides="2026-12-01..2026-12-04 daily=5"',
            'daily=0 overrides="2026-12-04..2026-12-05 daily=5"',
            "campaign_daily_budget,daily_budget resumes_at=12-04T00:00",
        ),
        # With windows and flight.
        (
            'overrides="2026-11-26..2026-11-28 daily=0"',
            'windows="fri 09:00-17:00"',
            "daily_budget,schedule resumes_at=12-04T09:00",
        ),
        ('overrides="2026-11-26..2026-11-28 daily=0"', "ends_on=2026-11-28", "daily_budget resumes_at=none"),
    ],
)
def test_resumes_at_knows_overrides(brand_fields: str, campaign_fields: str, observed: str) -> None:
    check(f"""
        day 2026-11-26
        first
        09:00 brand nike zone=UTC {brand_fields}
        09:00 campaign a {campaign_fields}
          -> pause a {observed}
    """)


def test_many_dates_with_a_zero_budget_are_passed_over() -> None:
    """The brand's on every other day, the campaign's on those between."""
    of_brand, of_campaign = _every_other_day(date(2026, 11, 26)), _every_other_day(date(2026, 11, 27))
    check(f"""
        day 2026-11-26
        first
        00:00 brand nike zone=UTC overrides="{of_brand}"
        00:00 campaign a overrides="{of_campaign}" windows="daily 09:00-10:00"
          -> pause a daily_budget,schedule resumes_at=2027-06-14T09:00
    """)


def test_a_day_that_comes_twice_is_one_day_of_the_override() -> None:
    """In Havana clocks go back from 01:00 to 00:00 on 2025-11-02: the day begins with the first midnight of two."""
    check("""
        day 2025-11-01
        12:00 brand nike zone=America/Havana daily=10 overrides="2025-11-02..2025-11-02 daily=20"
        12:00 campaign a
        13:00 spend a 10
          -> pause a daily_budget resumes_at=2025-11-02T04:00
        2025-11-02T04:00 tick
          -> resume a daily_budget=20.00
        2025-11-02T04:30 spend a 15
        2025-11-02T05:00 tick
        2025-11-02T05:30 spend a 5
          -> pause a daily_budget daily=20.00 resumes_at=2025-11-03T05:00
        2025-11-03T04:59 tick
        2025-11-03T05:00 tick
          -> resume a daily_budget=10.00
    """)


def test_overrides_go_by_the_brands_own_days_over_a_change_of_zone() -> None:
    check("""
        day 2026-11-26
        09:00 brand nike zone=Asia/Karachi,America/Los_Angeles@27T10:00 daily=10
        09:00 brand nike overrides="2026-11-27..2026-11-27 daily=50"
        09:00 campaign a
        26T18:00 spend a 10
          -> pause a daily_budget resumes_at=26T19:00
        26T19:00 tick
          -> resume a
        27T20:00 spend a 50
          -> pause a daily_budget resumes_at=28T08:00 day=2026-11-27
        28T08:00 tick
          -> resume a daily_budget=10.00
    """)


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        ([{"from": "2026-11-28", "to": "2026-11-27", "daily_budget": "1"}], "ends before"),
        (
            [
                {"from": "2026-11-26", "to": "2026-11-27", "daily_budget": "1"},
                {"from": "2026-11-27", "to": "2026-11-28", "daily_budget": "2"},
            ],
            "overlap",
        ),
        ([{"from": "2026-11-26", "to": "2026-11-27"}], "names no budget"),
        ([{"from": "2026-11-26", "to": "2026-11-27", "daily_budget": "-1"}], "negative"),
        ([{"from": "2026-11-26", "to": "2026-02-30", "daily_budget": "1"}], ""),
        ([{"from": "20261126", "to": "2026-11-27", "daily_budget": "1"}], ""),
        ([{"to": "2026-11-27", "daily_budget": "1"}], "from"),
        ([{"from": "2026-11-01", "to": "2026-11-29", "monthly_budget": "1"}], "whole months"),
        ([{"from": "2026-11-02", "to": "2026-11-30", "monthly_budget": "1"}], "whole months"),
        ([{"from": f"{y}-01-01", "to": f"{y}-01-01", "daily_budget": "1"} for y in range(2000, 2101)], "at most 100"),
    ],
)
def test_a_document_that_breaks_a_rule(overrides: list[dict[str, str]], why: str) -> None:
    refused = brand(budget_overrides=overrides)
    assert isinstance(refused, Refusal)
    assert why in refused.message
    assert not campaign(budget_overrides=overrides).usable


def test_a_campaign_has_no_monthly_budget_to_override() -> None:
    monthly = [{"from": "2026-11-01", "to": "2026-12-31", "monthly_budget": "1"}]
    assert isinstance(brand(budget_overrides=monthly), BrandConfig)
    assert not campaign(budget_overrides=monthly).usable


def test_daily_and_monthly_overrides_may_share_dates_and_come_in_any_order() -> None:
    config = brand(
        monthly_budget="3000",
        budget_overrides=[
            {"from": "2026-12-24", "to": "2026-12-31", "daily_budget": None},
            {"from": "2026-11-27", "to": "2026-11-30", "daily_budget": "500"},
            {"from": "2026-11-01", "to": "2026-12-31", "monthly_budget": "9000"},
        ],
    )
    assert isinstance(config, BrandConfig)
    assert [it.first.isoformat() for it in config.daily_overrides] == ["2026-11-27", "2026-12-24"]
    assert config.daily_budget_on(date(2026, 12, 31)) is None
    assert config.daily_budget_on(date(2026, 11, 30)) == 500_000_000
    assert config.monthly_budget_on(date(2026, 11, 30)) == 9_000_000_000
    assert config.monthly_budget_on(date(2027, 1, 1)) == 3_000_000_000


def test_what_is_written_is_read_again() -> None:
    config = brand(
        budget_overrides=[
            {"from": "2026-11-01", "to": "2026-11-30", "daily_budget": None, "monthly_budget": "0.5"},
            {"from": "9999-12-01", "to": "9999-12-31", "monthly_budget": "0"},
        ]
    )
    assert isinstance(config, BrandConfig)
    overrides = read_overrides([])._replace(daily=config.daily_overrides, monthly=config.monthly_overrides)
    assert read_overrides(override_documents(overrides)) == overrides


def test_the_dates_at_which_the_budget_in_force_may_change() -> None:
    overrides = (
        Override(date(2026, 11, 27), date(2026, 11, 28), 5),
        Override(date(2026, 11, 29), date(9999, 12, 31), None),
    )
    days = [date(2026, 11, day) for day in (26, 27, 28, 29)]
    assert [budget_on(day, 1, overrides) for day in days] == [1, 5, 5, None]
    assert [next_change(day, overrides) for day in days] == [days[1], days[3], days[3], None]


def _every_other_day(first: date) -> str:
    days = (date.fromordinal(first.toordinal() + 2 * number) for number in range(OVERRIDES_MAX))
    return ";".join(f"{day}..{day} daily=0" for day in days)


def test_overrides_that_overlap_are_refused_by_the_name_of_their_budget() -> None:
    december = Override(date(2026, 12, 1), date(2026, 12, 31), 1)
    overlap = "budget from 2026-12-01 to 2026-12-31 and from 2026-12-01 to 2026-12-31 overlap"
    with pytest.raises(ValueError, match=f"^the overrides of the daily {overlap}$"):
        checked_overrides([december, december])
    with pytest.raises(ValueError, match=f"^the overrides of the monthly {overlap}$"):
        checked_overrides([], [december, december])


def test_daily_and_monthly_overrides_are_bounded_together() -> None:
    days = [Override(date(2026, 1, 1), date(2026, 1, 1), 1)] * OVERRIDES_MAX
    with pytest.raises(ValueError, match=f"^there are {OVERRIDES_MAX + 1} budget overrides"):
        checked_overrides(days, days[:1])


def test_overrides_of_the_same_dates_are_compared_by_no_budget() -> None:
    with pytest.raises(ValueError, match="overlap"):
        checked_overrides([Override(date(2026, 1, 1), date(2026, 1, 1), budget) for budget in (None, 1)])


def test_documents_of_overrides_are_read_as_what_they_were_written_of() -> None:
    daily = (
        Override(date(2026, 1, 1), date(2026, 1, 2), 1_500_000),
        Override(date(2026, 1, 3), date(2026, 1, 3), None),
    )
    monthly = (Override(date(2026, 1, 1), date(2026, 1, 31), 70_000_000),)
    assert read_overrides(override_documents(Overrides(daily, monthly))) == Overrides(daily, monthly)
