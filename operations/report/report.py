"""The report of a brand's month: campaign by day, from ledger, journal and the catalog's history."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy.orm import Session

from core.calendar import day_of, next_month
from core.errors import RefusedValue
from core.moment import ALWAYS, NEVER, Moment, format_moment
from core.money import format_money, format_optional_money
from core.reasons import Reason, reason_names
from models.queries.catalog import changes_with_brand, get_brand, list_campaigns
from models.queries.commands import commands_between
from models.queries.spend_sums import spend_by_campaign_and_day
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogChange
from operations.catalog_views import Json
from operations.csv_export import csv_pieces
from operations.report.lines import DayLine, campaign_lines
from operations.schedule_preview import zones_of
from operations.timeline.bands import bands_of
from operations.timeline.past_config import PastConfigs, past_configs_of
from operations.timeline.timeline import commands_in_force

__all__ = ["CampaignReport", "Report", "month_of", "read_report", "report_csv", "report_view"]

_ONE_DAY: Final = timedelta(days=1)
_REASONS: Final = reason_names(~Reason(0))
_HOUR_SECONDS: Final = 3_600


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """`campaign` is None where the catalog does not know it: its money counts to the brand all the same."""

    campaign_id: str
    campaign: Campaign | None
    lines: Sequence[DayLine]

    @property
    def spent_micros(self) -> int:
        return sum(it.spent_micros for it in self.lines)


@dataclass(frozen=True, slots=True)
class Report:
    """`days` are the brand's own sums and daily budgets; the month's budget is that in force when it ended, or now."""

    brand: Brand
    month: date
    until: Moment
    campaigns: Sequence[CampaignReport]
    days: Sequence[DayLine]
    monthly_budget_micros: int | None

    @property
    def spent_micros(self) -> int:
        return sum(it.spent_micros for it in self.days)

    @property
    def variance_micros(self) -> int | None:
        budget = self.monthly_budget_micros
        return None if budget is None else self.spent_micros - budget


def month_of(text: str) -> date:
    """The first of a month such as 2025-09."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        first = date.min
    if not 1970 <= first.year <= 9_000:
        raise RefusedValue(f"{text[:20]!r} is not a month: write one such as 2025-09.")
    return first


def read_report(session: Session, brand_id: str, month: date, now: Moment) -> Report:
    """The report of `month`, a month's first date, up to `now`. A campaign without spend that was never on in the month
    is left out, and so are the days before something was added of which nothing else is known. Raises RowNotFound."""
    brand = get_brand(session, brand_id)
    zones = zones_of(brand)
    following = next_month(month)
    assert following is not None
    days = [day_of(zones, month + number * _ONE_DAY) for number in range((following - month).days)]
    starts_at, ends_at = days[0].starts_at, min(days[-1].ends_at, now)
    spent: dict[str, dict[date, int]] = defaultdict(dict)
    for it in spend_by_campaign_and_day(session, brand_id=brand_id, day_from=month, day_until=days[-1].date):
        spent[it.campaign_id][it.day] = it.micros
    campaigns = {it.campaign_id: it for it in list_campaigns(session, brand_id=brand_id)}
    of_brand, of_campaigns = _changes_by_campaign(changes_with_brand(session, brand_id, list(campaigns)))
    commands = commands_between(session, list(campaigns), starts_at, ends_at) if starts_at < ends_at else {}
    found = []
    for campaign_id in sorted(campaigns.keys() | spent.keys()):
        campaign = campaigns.get(campaign_id)
        configs = None if campaign is None else _past_configs(brand, campaign, of_brand, of_campaigns)
        bands = []
        if configs is not None and campaign_id in commands:
            before, after = commands_in_force(commands[campaign_id])
            bands = bands_of(before, after, starts_at, ends_at, zones, configs)
        added_at = NEVER if campaign is None else _added_at(of_campaigns.get(campaign_id, ()))
        lines = list(campaign_lines(days, bands, configs, spent.get(campaign_id, {}), now, added_at=added_at))
        if campaign_id in spent or any(it.on_off.on for it in lines):
            found.append(CampaignReport(campaign_id, campaign, lines))
    own = _past_configs(brand, Campaign(), of_brand, {})
    last = max(starts_at, min(ends_at, now) - 1)
    totals, added_at = _totals(spent.values()), _added_at(of_brand)
    of_days = [
        DayLine(day.date, totals.get(day.date, 0), own.at(min(day.ends_at, now) - 1).of_brand.daily_on(day.date))
        for day in days
        if (added_at < day.ends_at and day.starts_at < now) or day.date in totals
    ]
    return Report(brand, month, now, found, of_days, own.at(last).of_brand.monthly_on(month))


def report_view(report: Report) -> dict[str, Json]:
    return {
        "brand_id": report.brand.brand_id,
        "month": report.month.isoformat()[:7],
        "time_zone": report.brand.time_zone,
        "currency": report.brand.currency,
        "as_of": format_moment(report.until),
        "monthly_budget": format_optional_money(report.monthly_budget_micros),
        "spent": format_money(report.spent_micros),
        "variance": format_optional_money(report.variance_micros),
        "days": [_money_view(it) for it in report.days],
        "campaigns": [
            {
                "campaign_id": it.campaign_id,
                "name": it.campaign.name if it.campaign else None,
                "is_known": it.campaign is not None,
                "spent": format_money(it.spent_micros),
                "days": [_line_view(line) for line in it.lines],
            }
            for it in report.campaigns
        ],
    }


def report_csv(report: Report) -> Iterator[str]:
    """A line for each campaign and day, hours with two fraction digits; RFC 4180, in pieces."""
    header = ["brand_id", "campaign_id", "campaign", "day", "currency", "budget", "spent", "variance", "hours_on"]
    rows = (
        [report.brand.brand_id, campaign.campaign_id, *_csv_cells(report, campaign, line)]
        for campaign in report.campaigns
        for line in campaign.lines
    )
    return csv_pieces([*header, "hours_off", "hours_unknown", *(f"hours_off_{it}" for it in _REASONS)], rows)


def _csv_cells(report: Report, campaign: CampaignReport, line: DayLine) -> Iterator[str]:
    yield campaign.campaign.name if campaign.campaign else ""
    yield line.day.isoformat()
    yield report.brand.currency
    yield format_optional_money(line.budget_micros) or ""
    yield format_money(line.spent_micros)
    yield format_optional_money(line.variance_micros) or ""
    on_off = line.on_off
    for seconds in (on_off.on, on_off.off, on_off.unknown, *(on_off.off_by_reason.get(it, 0) for it in _REASONS)):
        yield f"{seconds / _HOUR_SECONDS:.2f}"


def _money_view(line: DayLine) -> dict[str, Json]:
    return {
        "day": line.day.isoformat(),
        "budget": format_optional_money(line.budget_micros),
        "spent": format_money(line.spent_micros),
        "variance": format_optional_money(line.variance_micros),
    }


def _line_view(line: DayLine) -> dict[str, Json]:
    on_off = line.on_off
    return {
        **_money_view(line),
        "seconds_on": on_off.on,
        "seconds_off": on_off.off,
        "seconds_unknown": on_off.unknown,
        "seconds_off_by_reason": dict(on_off.off_by_reason),
    }


def _totals(spent: Iterable[Mapping[date, int]]) -> dict[date, int]:
    totals: dict[date, int] = defaultdict(int)
    for of_campaign in spent:
        for day, micros in of_campaign.items():
            totals[day] += micros
    return totals


def _changes_by_campaign(
    changes: Iterable[CatalogChange],
) -> tuple[list[CatalogChange], dict[str, list[CatalogChange]]]:
    of_brand, of_campaigns = [], defaultdict(list)
    for change in changes:
        if change.campaign_id is None:
            of_brand.append(change)
        else:
            of_campaigns[change.campaign_id].append(change)
    return of_brand, of_campaigns


def _added_at(changes: Sequence[CatalogChange]) -> Moment:
    """When a brand or campaign was added; `changes` are all of its edits, newest first."""
    return changes[-1].changed_at if changes else ALWAYS


def _past_configs(
    brand: Brand,
    campaign: Campaign,
    of_brand: Sequence[CatalogChange],
    of_campaigns: Mapping[str, Sequence[CatalogChange]],
) -> PastConfigs:
    changes = [*of_brand, *of_campaigns.get(campaign.campaign_id, ())]
    return past_configs_of(brand, campaign, sorted(changes, key=lambda it: it.change_id, reverse=True))
