"""What a list shows of a brand."""

from dataclasses import replace
from datetime import date

import pytest

from console.live.glance import BrandGlance, BrandStanding, Meter, glance, outlooks
from console.live.pace import Outlook, Sample
from streams.core.calendar import Day, Month, ZoneSpan
from streams.core.moment import HOUR, parse_moment
from streams.core.reasons import NO_REASONS, Reason
from streams.core.state import BrandState, CampaignState
from streams.core.terms import BrandTerms, CampaignTerms
from streams.live import HeldBrand

START = parse_moment("2025-09-07T19:00:00Z")  # midnight in Karachi
END = START + 24 * HOUR
MONTH = Month(date(2025, 9, 1), START - 7 * 24 * HOUR, START + 23 * 24 * HOUR)
TERMS = BrandTerms(
    version=1,
    zones=(ZoneSpan("Asia/Karachi", None),),
    currency="PKR",
    daily_budget_micros=100,
    monthly_budget_micros=None,
    enabled=True,
    archived=False,
    epoch=1,
)


def held(*reasons: Reason, terms: BrandTerms = TERMS) -> HeldBrand:
    """A brand with one campaign for each set of reasons."""
    brand = BrandState("nike", terms, Day(date(2025, 9, 8), START, END), MONTH, daily_micros=60, monthly_micros=412)
    brand.day_ends_at = END
    for number, of_campaign in enumerate(reasons):
        campaign = CampaignState(f"nike-{number}", CampaignTerms(version=1, usable=True), reasons=of_campaign)
        brand.campaigns[campaign.campaign_id] = campaign
    return HeldBrand(brand, START + 12 * HOUR)


def seen(it: HeldBrand) -> BrandGlance:
    found = glance(it)
    assert found
    return found


def test_campaigns_that_run_and_that_are_paused_are_counted_with_the_reasons() -> None:
    budget, closed = Reason.DAILY_BUDGET, Reason.SCHEDULE
    it = seen(held(NO_REASONS, budget, budget | closed))
    assert (it.running, it.paused) == (1, 2)
    assert it.reasons == {"daily_budget": 2, "schedule": 1}


def test_a_campaign_that_is_put_away_or_not_in_the_catalog_is_not_counted() -> None:
    it = held(NO_REASONS, Reason.ARCHIVED, NO_REASONS)
    it.state.campaigns["nike-1"].terms = CampaignTerms(version=2, usable=True, archived=True)
    it.state.campaigns["nike-2"].terms = None
    assert (seen(it).running, seen(it).paused) == (1, 0)


def test_money_day_and_zone_are_the_brands_own() -> None:
    it = seen(held())
    assert (it.currency, it.time_zone, it.day_on) == ("PKR", "Asia/Karachi", date(2025, 9, 8))
    assert it.day == Meter(60, 100)
    assert it.month == Meter(412, None)


def test_the_standing_is_what_the_operator_decided() -> None:
    assert seen(held()).standing is BrandStanding.ENABLED
    assert seen(held(terms=replace(TERMS, enabled=False))).standing is BrandStanding.PAUSED
    assert seen(held(terms=replace(TERMS, enabled=False, archived=True))).standing is BrandStanding.ARCHIVED


def test_a_brand_without_a_document_or_a_day_cannot_be_seen_yet() -> None:
    assert glance(HeldBrand(BrandState("nike"), 0)) is None
    assert glance(HeldBrand(BrandState("nike", TERMS), 0)) is None


@pytest.mark.parametrize(
    ("spent", "budget", "percent"),
    [(0, 100, 0), (99_999, 100_000, 99), (100, 100, 100), (130, 100, 130), (5, None, None), (0, 0, 100), (-1, 100, -1)],
)
def test_percent_is_rounded_down(spent: int, budget: int | None, percent: int | None) -> None:
    assert Meter(spent, budget).percent == percent


def test_a_day_is_foretold_by_its_last_hour_and_a_month_by_itself() -> None:
    now = START + 12 * HOUR
    it = seen(held(terms=replace(TERMS, monthly_budget_micros=10_000)))
    day, month = outlooks(it, (Sample(now - HOUR, 50),), now)
    assert (day.outlook, day.gone_at) == (Outlook.GOES, now + 4 * HOUR)
    assert (month.outlook, month.at_end_micros) == (Outlook.LASTS, 412 * 30 * 24 // (7 * 24 + 12))
