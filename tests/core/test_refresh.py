"""What is derived from configuration, totals and clock, so that most spend needs no evaluation."""

from core.moment import parse_moment
from core.refresh import refresh_campaign_budgets
from core.state import BrandState
from tests.core.scenario import Scenario


def after(*lines: str) -> Scenario:
    scenario = Scenario()
    for line in ("day 2025-09-08", *lines):
        scenario.run(line)
    return scenario


def test_no_budget_or_percentage_lies_between_the_ends_of_a_band() -> None:
    scenario = after(
        "09:00 brand nike zone=UTC daily=100 monthly=110 percents=50",
        "09:00 campaign a daily=80 total=90",
        "10:00 spend a 52",
    )
    brand, campaign = scenario.brand(), scenario.campaign("a")
    assert (brand.daily_low, brand.daily_high) == (50_000_000, 100_000_000)
    assert (brand.monthly_high, campaign.daily_low, campaign.daily_high) == (55_000_000, 40_000_000, 80_000_000)
    assert (campaign.total_low, campaign.total_high) == (45_000_000, 90_000_000)
    scenario.run("10:01 spend a 4")
    assert (brand.monthly_low, brand.monthly_high) == (55_000_000, 110_000_000)


def test_a_total_budget_is_exhausted_when_it_is_reached() -> None:
    scenario = after("09:00 brand nike zone=UTC", "09:00 campaign a total=90", "10:00 spend a 89.999999")
    campaign = scenario.campaign("a")
    assert (campaign.total_limit, campaign.total_exhausted) == (90_000_000, False)
    scenario.run("10:01 spend a 0.000001")
    assert campaign.total_exhausted


def test_an_allowance_of_zero_is_exhausted_by_any_net_spend_that_is_not_negative() -> None:
    scenario = after(
        "09:00 brand nike zone=UTC monthly=10 pacing=even",
        "09:00 campaign a",
        "09:01 correct a 10 on=2025-09-07",
        "09T00:00 tick",
    )
    brand = scenario.brand()
    assert (brand.daily_allowance_micros, brand.allowance_exhausted, brand.daily_low) == (0, True, 0)
    scenario.run("09T10:00 spend a -3")
    assert (brand.allowance_exhausted, brand.daily_high) == (False, 0)


def test_campaigns_after_one_that_the_catalog_does_not_know_have_their_boundaries() -> None:
    scenario = after(
        "09:00 brand nike zone=UTC", "09:01 spend x 1", '09:02 campaign a windows="daily 06:00-17:00"', "09:03 tick"
    )
    scenario.run("09:04 brand nike zone=UTC,Asia/Karachi@08T10:00")
    assert scenario.campaign("a").boundary_at == parse_moment("2025-09-08T12:00:00Z")


def test_a_campaign_of_a_brand_without_a_day_has_the_budgets_of_no_date() -> None:
    scenario = after("09:00 brand nike zone=UTC", "09:00 campaign a daily=80")
    brand = BrandState("nike", scenario.brand().config)
    refresh_campaign_budgets(brand, scenario.campaign("a"))
    assert scenario.campaign("a").daily_limit == 80_000_000


def test_the_first_spend_begins_the_wait_for_silence() -> None:
    scenario = after("09:00 brand nike zone=UTC silent=60", "09:00 campaign a")
    brand = scenario.brand()
    assert brand.spend_ends_silence
    scenario.run("10:00 spend a 1")
    assert not brand.spend_ends_silence
    assert not after("09:00 brand puma zone=UTC", "09:00 campaign b").brand().spend_ends_silence
