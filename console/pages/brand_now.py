"""A brand as of now, from the catalog and the controller's state."""

from collections.abc import Iterable
from typing import NamedTuple

from console.live.brand_summary import (
    BrandSummary,
    BudgetForecasts,
    budget_forecasts,
    day_forecast,
    needs_now,
    progress_of_month,
)
from console.live.budget_forecast import Sample
from console.live.needs import NEED_LABELS, Need, in_order
from console.pages.brand_list import BrandEntry
from console.rendering.render import part
from console.server.services import Services
from core.moment import Moment
from core.month_progress import MonthProgress
from models.catalog_mirror import CatalogMirror

__all__ = ["BrandNow", "brand_now", "entries", "row_html", "with_summary"]


Samples = tuple[Sample, ...]


class BrandNow(NamedTuple):
    """`summary` and `forecasts` are None while the controller does not hold the brand."""

    brand_id: str
    name: str
    currency: str
    summary: BrandSummary | None
    forecasts: BudgetForecasts | None
    #: None without a monthly budget, too.
    month: MonthProgress | None = None
    #: What needs somebody now.
    needs: frozenset[Need] = frozenset()

    @property
    def need_labels(self) -> list[str]:
        return [NEED_LABELS[it] for it in in_order(self.needs)]

    @property
    def wants_more_today(self) -> bool:
        """Whether the daily budget is used up or soon will be."""
        return self.forecasts is not None and (self.forecasts.day.kind == "exhausted" or Need.SOON in self.needs)


def entries(
    catalog: CatalogMirror, brand_ids: Iterable[str], summaries: Iterable[tuple[BrandSummary, Samples]], now: Moment
) -> list[BrandEntry]:
    """The brands of the catalog, each with its summary, where its budgets stand and what needs somebody."""
    seen = {summary.brand_id: (summary, samples) for summary, samples in summaries}
    found = []
    for brand_id in brand_ids:
        row = catalog.brand(brand_id)
        if row:
            entry = BrandEntry(brand_id, row.name, row.archived, None, currency=row.currency, time_zone=row.time_zone)
            found.append(with_summary(entry, *seen[brand_id], now) if brand_id in seen else entry)
    return found


def with_summary(entry: BrandEntry, summary: BrandSummary, samples: Samples, now: Moment) -> BrandEntry:
    """The entry of a brand that the controller holds, as of now."""
    day, month = day_forecast(summary, samples, now), progress_of_month(summary, now)
    return entry._replace(summary=summary, needs=needs_now(summary, day, month, now), day=day, month=month)


def brand_now(services: Services, brand_id: str, now: Moment) -> BrandNow | None:
    """The brand as of now; None for one that is not in the catalog."""
    row = services.catalog.brand(brand_id)
    if row is None:
        return None
    name, samples = row.name or brand_id, services.broadcaster.summaries.samples(brand_id)
    summary = services.broadcaster.summaries.brand(brand_id)
    if summary is None:
        return BrandNow(brand_id, name, row.currency, None, None)
    forecasts, month = budget_forecasts(summary, samples, now), progress_of_month(summary, now)
    needs = needs_now(summary, forecasts.day, month, now)
    return BrandNow(brand_id, name, row.currency, summary, forecasts, month, needs)


def row_html(services: Services, brand_id: str, now: Moment, *, may_edit: bool) -> str:
    row = brand_now(services, brand_id, now)
    return part("brand_row", row, now, may_edit) if row else ""
