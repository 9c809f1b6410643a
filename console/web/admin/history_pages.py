"""Who changed what of a brand with its campaigns, or of one campaign."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from console.access.person import Person, Role
from console.access.rights import PageViewer
from console.api.services import Served
from console.web.admin.database import look
from console.web.admin.history import told
from console.web.admin.paging import PAGE_ROWS, first_page, next_page, number_wanted
from console.web.render import page
from models.brand import Brand
from models.catalog_reads import changes_of, get_brand, get_campaign
from models.change import Change

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Found = tuple[Brand, Sequence[Change]]


@router.get("/brands/{brand_id}/history")
async def of_brand(request: Request, brand_id: str, person: PageViewer, services: Served) -> Response:
    def read(session: Session) -> Found:
        brand = get_brand(session, brand_id)
        return brand, changes_of(
            session, brand_id=brand_id, before=number_wanted(request.query_params, "after"), limit=PAGE_ROWS + 1
        )

    return _history(request, person, await look(services, read), campaign_id=None)


@router.get("/campaigns/{campaign_id}/history")
async def of_campaign(request: Request, campaign_id: str, person: PageViewer, services: Served) -> Response:
    def read(session: Session) -> Found:
        brand = get_brand(session, get_campaign(session, campaign_id).brand_id)
        return brand, changes_of(
            session, campaign_id=campaign_id, before=number_wanted(request.query_params, "after"), limit=PAGE_ROWS + 1
        )

    return _history(request, person, await look(services, read), campaign_id=campaign_id)


def _history(request: Request, person: Person, found: Found, *, campaign_id: str | None) -> Response:
    brand, changes = found
    thing: dict[str, Any] = {
        "title": f"History of {'brand' if campaign_id is None else 'campaign'} {campaign_id or brand.brand_id}",
        "brand_id": brand.brand_id,
        "campaign_id": campaign_id,
        "back": f"/brands/{brand.brand_id}",
        "back_text": brand.name or brand.brand_id,
        "time_zone": brand.time_zone,
    }
    return page(
        request,
        "catalog/history.html",
        person=person,
        may_edit=person.may(Role.OPERATOR),
        edits=[told(change) for change in changes[:PAGE_ROWS]],
        first_url=first_page(request),
        next_url=next_page(request, str(changes[PAGE_ROWS - 1].change_id) if len(changes) > PAGE_ROWS else None),
        **thing,
    )
