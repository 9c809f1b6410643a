"""What a list shows of a brand."""

from datetime import date

import pytest
from msgspec.structs import replace

from console.live.brand_summary import BrandStatus, BrandSummary, Meter, brand_summary, budget_forecasts
from console.live.budget_forecast import ForecastKind, Sample
from core.budget import fix_allowance
from core.calendar import Day, Month, ZoneSpan
from core.catalog import BrandConfig, CampaignConfig
from core.moment import HOUR, parse_moment
from core.overrides import Override
from core.reasons import NO_REASONS, Reason
from core.state import BrandState, CampaignState
from streams.live_state import HeldBrand

START = parse_moment("2025-09-07T19:00:00Z")  # midnight in Karachi
END = START + 24 * HOUR
MONTH = Month(date(2025, 9, 1), START - 7 * 24 * HOUR, START + 23 * 24 * HOUR)
CONFIG = BrandConfig(
    version=1,
    zones=(ZoneSpan("Asia/Karachi", None),),
    currency="PKR",
    daily_budget_micros=100,
    monthly_budget_micros=None,
    enabled=True,
    archived=False,
    epoch=1,
)


def held(*reasons: Reason, config: BrandConfig = CONFIG) -> HeldBrand:
    """A brand with one campaign for each set of reasons."""
    brand = BrandState("nike", config, Day(date(2025, 9, 8), START, END), MONTH, daily_micros=60, monthly_micros=412)
    brand.day_ends_at = END
    for number, of_campaign in enumerate(reasons):
        campaign = CampaignState(f"nike-{number}", CampaignConfig(version=1, usable=True), reasons=of_campaign)
        brand.campaigns.add(campaign)
    return HeldBrand(brand, START + 12 * HOUR)


def summary(it: HeldBrand) -> BrandSummary:
    found = brand_summary(it)
    assert found
    return found


def test_campaigns_that_run_and_that_are_paused_are_counted_with_the_reasons() -> None:
    budget, closed = Reason.DAILY_BUDGET, Reason.SCHEDULE
    it = summary(held(NO_REASONS, budget, budget | closed))
    assert (it.running, it.paused) == (1, 2)
    assert it.reasons == {"daily_budget": 2, "schedule": 1}


def test_a_campaign_that_is_put_away_or_not_in_the_catalog_is_not_counted() -> None:
    it = held(NO_REASONS, Reason.ARCHIVED, NO_REASONS)
    it.state.campaigns["nike-1"].config = CampaignConfig(version=2, usable=True, archived=True)
    it.state.campaigns["nike-2"].config = None
    assert (summary(it).running, summary(it).paused) == (1, 0)


def test_money_day_and_zone_are_the_brands_own() -> None:
    it = summary(held())
    assert (it.currency, it.time_zone, it.day_on) == ("PKR", "Asia/Karachi", date(2025, 9, 8))
    assert it.day == Meter(60, 100)
    assert it.month == Meter(412, None)


def test_the_status_is_what_the_operator_decided() -> None:
    assert summary(held()).status is BrandStatus.ENABLED
    assert summary(held(config=replace(CONFIG, enabled=False))).status is BrandStatus.PAUSED
    assert summary(held(config=replace(CONFIG, enabled=False, archived=True))).status is BrandStatus.ARCHIVED


def test_a_brand_without_a_document_or_a_day_cannot_be_seen_yet() -> None:
    assert brand_summary(HeldBrand(BrandState("nike"), 0)) is None
    assert brand_summary(HeldBrand(BrandState("nike", CONFIG), 0)) is None


@pytest.mark.parametrize(
    ("spent", "budget", "percent"),
    [(0, 100, 0), (99_999, 100_000, 99), (100, 100, 100), (130, 100, 130), (5, None, None), (0, 0, 100), (-1, 100, -1)],
)
def test_percent_is_rounded_down(spent: int, budget: int | None, percent: int | None) -> None:
    assert Meter(spent, budget).percent == percent


def test_a_day_is_foretold_by_its_last_hour_and_a_month_by_itself() -> None:
    now = START + 12 * HOUR
    it = summary(held(config=replace(CONFIG, monthly_budget_micros=10_000)))
    day, month = budget_forecasts(it, (Sample(now - HOUR, 50),), now)
    assert (day.kind, day.runs_out_at) == (ForecastKind.RUNS_OUT, now + 4 * HOUR)
    assert (month.kind, month.at_end_micros) == (ForecastKind.LASTS, 412 * 30 * 24 // (7 * 24 + 12))


def test_budgets_are_those_in_force_and_a_paced_day_shows_how_its_allowance_came_about() -> None:
    overrides = (
        Override(date(2025, 9, 1), date(2025, 9, 7), 1),
        Override(date(2025, 9, 8), date(2025, 9, 9), 500),
    )
    config = replace(CONFIG, monthly_budget_micros=2_300_000, daily_overrides=overrides, is_paced=True)
    it = held(config=config)
    it.state.spent_before_day_micros = 230_000
    fix_allowance(it.state)
    shown = summary(it)
    assert (shown.day.budget_micros, shown.month.budget_micros) == (500, 2_300_000)
    assert shown.overrides == ("2025-09-08..2025-09-09 daily=0.0005",)
    assert (shown.allowance_micros, shown.allowance_words) == (90_000, "(2.30 - 0.23) * 24 h / 552 h")


def test_spend_of_campaigns_that_are_not_in_the_catalog_is_told_the_largest_first() -> None:
    it = held(NO_REASONS)
    for name, micros in (("lost", 7), ("typo", 9), ("refunded", 0)):
        it.state.campaigns.add(CampaignState(name, None, daily_micros=micros))
    it.state.campaigns["nike-0"].daily_micros = 44
    assert summary(it).unknown == (("typo", 9), ("lost", 7))
