"""A brand as of now, from the catalog and the controller's state."""

from collections.abc import Iterable
from typing import NamedTuple

from console.live.brand_summary import BrandSummary, BudgetForecasts, budget_forecasts, needs_now, progress_of_month
from console.live.budget_forecast import Sample
from console.live.needs import Need
from console.pages.brand_list import BrandEntry
from console.rendering.render import part
from console.server.services import Services
from core.moment import Moment
from core.month_progress import MonthProgress
from models.catalog_mirror import CatalogMirror

__all__ = ["BrandNow", "brand_now", "entries", "row_html"]


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


def entries(
    catalog: CatalogMirror, brand_ids: Iterable[str], summaries: Iterable[tuple[BrandSummary, Samples]], now: Moment
) -> list[BrandEntry]:
    """The brands of the catalog, each with its summary and what needs somebody."""
    seen = {summary.brand_id: (summary, needs_now(summary, samples, now)) for summary, samples in summaries}
    nothing: tuple[BrandSummary | None, frozenset[Need]] = (None, frozenset())
    found = []
    for brand_id in brand_ids:
        row = catalog.brand(brand_id)
        summary, needs = seen.get(brand_id, nothing)
        if row:
            found.append(BrandEntry(brand_id, row.name, row.archived, summary, needs, row.currency, row.time_zone))
    return found


def brand_now(services: Services, brand_id: str, now: Moment) -> BrandNow | None:
    """As of now; None for a brand that is not in the catalog."""
    row = services.catalog.brand(brand_id)
    if row is None:
        return None
    summary = services.broadcaster.summaries.brand(brand_id)
    forecasts = budget_forecasts(summary, services.broadcaster.summaries.samples(brand_id), now) if summary else None
    month = progress_of_month(summary, now) if summary else None
    return BrandNow(brand_id, row.name or brand_id, row.currency, summary, forecasts, month)


def row_html(services: Services, brand_id: str, now: Moment) -> str:
    row = brand_now(services, brand_id, now)
    return part("brand_row", row, now) if row else ""
