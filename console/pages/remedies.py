"""What a person can do about each reason for which a campaign is paused, as buttons, and who paused it by hand."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from console.pages.admin.catalog_access import read_catalog
from console.pages.admin.today_budget import suggested_micros
from console.rendering.ids_in_addresses import in_address
from console.rendering.jinja_filters import shown_money
from console.server.services import Services
from core.money import parse_money, parse_total
from core.refusal import Refusal
from models.errors import DatabaseAway
from models.queries.catalog import list_changes
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogChange, CatalogEntity
from operations.explain import Explanation, ReasonDetail

__all__ = ["PausedBy", "Remedy", "paused_by", "remedies"]


class Remedy(NamedTuple):
    label: str
    url: str


class PausedBy(NamedTuple):
    """The edit that paused a brand or campaign by hand."""

    thing: str
    actor: str
    changed_at: int


def remedies(why: Explanation | None, campaign: Campaign, brand: Brand) -> Mapping[str, Sequence[Remedy]]:
    """The remedies by reason; a reason that only time ends has the page on which its times are edited."""
    of_campaign, of_brand = f"/campaigns/{in_address(campaign.campaign_id)}", f"/brands/{in_address(brand.brand_id)}"
    back = "?" + urlencode({"next": of_campaign})
    by_hand = [
        Remedy(f"Resume {kind}", f"{address}/resume")
        for kind, address, row in (("brand", of_brand, brand), ("campaign", of_campaign, campaign))
        if not row.enabled
    ]
    archived = [
        Remedy(f"Take the {kind} out of the archive", f"{address}/unarchive")
        for kind, address, row in (("brand", of_brand, brand), ("campaign", of_campaign, campaign))
        if row.archived
    ]
    found: dict[str, Sequence[Remedy]] = {
        "manual": by_hand,
        "archived": archived,
        "monthly_budget": [Remedy("Raise the monthly budget", f"{of_brand}/edit")],
        "pacing": [Remedy("Edit the monthly budget", f"{of_brand}/edit")],
        "campaign_total_budget": [Remedy("Raise the total budget", f"{of_campaign}/edit")],
        "schedule": [Remedy("Edit the windows", f"{of_campaign}/schedule")],
        "flight": [Remedy("Edit the flight", f"{of_campaign}/edit")],
    }
    for one in why.because if why else ():
        if one.reason in ("daily_budget", "campaign_daily_budget"):
            address = of_brand if one.reason == "daily_budget" else of_campaign
            found[one.reason] = [Remedy(_raise_label(one, brand.currency), f"{address}/raise-today{back}")]
    return found


def _raise_label(one: ReasonDetail, currency: str) -> str:
    budget, spent = parse_money(one.budget or ""), parse_total(one.spent or "")
    if isinstance(budget, Refusal) or isinstance(spent, Refusal):
        return "Raise today"
    suggested = suggested_micros(budget, spent)
    return "Clear today's budget" if suggested is None else f"Raise today to {shown_money(suggested)} {currency}"


async def paused_by(services: Services, why: Explanation | None, campaign: Campaign, brand: Brand) -> list[PausedBy]:
    """Who paused the brand or the campaign by hand; nothing while the database is away."""
    if why is None or all(one.reason != "manual" for one in why.because):
        return []

    def read(session: Session) -> list[PausedBy]:
        found: list[PausedBy] = []
        if not brand.enabled:
            of_brand = list_changes(
                session, brand_id=brand.brand_id, kind=CatalogEntity.BRAND, field="enabled", limit=1
            )
            found += (_paused_by("Brand", it) for it in of_brand.rows)
        if not campaign.enabled:
            of_campaign = list_changes(session, campaign_id=campaign.campaign_id, field="enabled", limit=1)
            found += (_paused_by("Campaign", it) for it in of_campaign.rows)
        return found

    with suppress(DatabaseAway):
        return await read_catalog(services, read)
    return []


def _paused_by(thing: str, change: CatalogChange) -> PausedBy:
    return PausedBy(thing, change.actor, change.changed_at)
