"""A brand as the overview shows it, put together from the catalog and what the controller holds."""

from typing import NamedTuple

from console.api.services import Services
from console.live.glance import BrandGlance, Outlooks, outlooks
from console.web.brand_list import BrandEntry
from console.web.render import part
from streams.core.moment import Moment

__all__ = ["BrandRow", "brand_row", "entries", "row_html"]


class BrandRow(NamedTuple):
    """`seen` and `outlooks` are None while the controller does not hold the brand."""

    brand_id: str
    name: str
    currency: str
    seen: BrandGlance | None
    outlooks: Outlooks | None


def entries(services: Services) -> list[BrandEntry]:
    """Every brand of the catalog."""
    catalog = services.catalog
    glances = {it.brand_id: it for it in services.hub.summaries.all()}
    rows = ((brand_id, catalog.brand(brand_id)) for brand_id in catalog.brand_ids())
    return [BrandEntry(brand_id, row.name, row.archived, glances.get(brand_id)) for brand_id, row in rows if row]


def brand_row(services: Services, brand_id: str, now: Moment) -> BrandRow | None:
    """As of now; None for a brand that is not in the catalog."""
    row = services.catalog.brand(brand_id)
    if row is None:
        return None
    seen = services.hub.summaries.brand(brand_id)
    told = outlooks(seen, services.hub.summaries.samples(brand_id), now) if seen else None
    return BrandRow(brand_id, row.name or brand_id, row.currency, seen, told)


def row_html(services: Services, brand_id: str, now: Moment) -> str:
    row = brand_row(services, brand_id, now)
    return part("brand_row", row, now) if row else ""
