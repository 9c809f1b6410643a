"""The change history of a brand with its campaigns, and of a campaign."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from console.access.rights import PageViewer
from console.pages.admin.catalog_access import read_catalog
from console.pages.admin.history import history_entry
from console.pages.admin.paging import PAGE_ROWS, filter_number, page_links
from console.rendering.ids_in_addresses import in_address
from console.rendering.render import page
from console.server.paging import BrandId, CampaignId
from console.server.queries import PageQuery
from console.server.services import Served
from models.queries.catalog import changes_of, get_brand, get_campaign
from models.tables.brand import Brand
from models.tables.catalog_change import CatalogChange
from operations.accounts.person import Person, Role
from operations.put_back import can_be_put_back

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

AfterQuery = Annotated[Mapping[str, str], Depends(PageQuery("after"))]

Found = tuple[Brand, Sequence[CatalogChange]]


@router.get("/brands/{brand_id}/history")
async def of_brand(
    request: Request, brand_id: BrandId, query: AfterQuery, person: PageViewer, services: Served
) -> Response:
    def read(session: Session) -> Found:
        brand = get_brand(session, brand_id)
        return brand, changes_of(session, brand_id=brand_id, before=filter_number(query, "after"), limit=PAGE_ROWS + 1)

    return _history(request, person, await read_catalog(services, read), campaign_id=None)


@router.get("/campaigns/{campaign_id}/history")
async def of_campaign(
    request: Request, campaign_id: CampaignId, query: AfterQuery, person: PageViewer, services: Served
) -> Response:
    def read(session: Session) -> Found:
        brand = get_brand(session, get_campaign(session, campaign_id).brand_id)
        return brand, changes_of(
            session, campaign_id=campaign_id, before=filter_number(query, "after"), limit=PAGE_ROWS + 1
        )

    return _history(request, person, await read_catalog(services, read), campaign_id=campaign_id)


def _history(request: Request, person: Person, found: Found, *, campaign_id: str | None) -> Response:
    brand, changes = found
    thing: dict[str, Any] = {
        "title": f"History of {'brand' if campaign_id is None else 'campaign'} {campaign_id or brand.brand_id}",
        "brand_id": brand.brand_id,
        "campaign_id": campaign_id,
        "back": f"/campaigns/{in_address(campaign_id)}" if campaign_id else f"/brands/{in_address(brand.brand_id)}",
        "back_text": campaign_id or brand.name or brand.brand_id,
        "time_zone": brand.time_zone,
    }
    return page(
        request,
        "catalog/history.html",
        person=person,
        may_edit=person.may(Role.OPERATOR),
        put_back=set() if "after" in request.query_params else _newest(changes),
        edits=[history_entry(change) for change in changes[:PAGE_ROWS]],
        **page_links(request, changes, lambda change: change.change_id),
        **thing,
    )


def _newest(changes: Sequence[CatalogChange]) -> set[int]:
    """The newest edit of each brand and campaign, where it can be put back."""
    newest: dict[str | None, CatalogChange] = {}
    for change in changes:
        newest.setdefault(change.campaign_id, change)
    return {change.change_id for change in newest.values() if can_be_put_back(change)}
