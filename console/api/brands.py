"""`/api/v1/brands`."""

import time
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from console import validation
from console.access.rights import Operator, Viewer
from console.api import schemas
from console.api.bodies import BrandEdit, NewBrand, brand_changes, budget, read_body
from console.api.changes import changes_page
from console.api.edits import etag, expected_revision, make_edit
from console.api.openapi import told
from console.api.pages import BrandId, Cursor, Limit, page_in_memory
from console.api.services import Served, Services
from console.api.views import Views
from console.zone_change import zone_starts_at
from models.brand import Brand
from models.catalog import BrandChanges, add_brand, change_time_zone, edit_brand
from models.errors import NotFound
from streams.errors import RefusedValue

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/brands", tags=["brands"])

Search = Annotated[str | None, Query(max_length=200, description="A part of the id or name.")]
Archived = Annotated[bool | None, Query(description="Only those that are archived, or are not.")]


@router.get("", **told(schemas.BrandPage))
async def list_brands(
    request: Request,
    _: Viewer,
    services: Served,
    search: Search = None,
    archived: Archived = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Brands by id, as the controller holds them."""
    views: Views = request.app.state.views
    catalog = services.catalog
    wanted = (search or "").lower()

    def fits(brand_id: str) -> bool:
        row = catalog.brand(brand_id)
        return (
            row is not None
            and (archived is None or row.archived == archived)
            and (not wanted or wanted in row.brand_id.lower() or wanted in row.name.lower())
        )

    return page_in_memory("brands", catalog.brand_ids(), views.brand, cursor=cursor, limit=limit, fits=fits)


@router.post("", **told(schemas.BrandRow, HTTPStatus.CREATED, body=NewBrand, errors=(409,)))
async def add(request: Request, person: Operator, services: Served) -> Response:
    """A new brand; answered when the broker has its document."""
    new = await read_body(request, NewBrand)
    brand_id = validation.identifier("brand", new.brand_id)
    zone = validation.time_zone(new.time_zone or services.settings.time_zone)
    currency, name = validation.currency(new.currency), validation.name(new.name)
    daily, monthly = budget("daily budget", new.daily_budget), budget("monthly budget", new.monthly_budget)

    def act(session: Session) -> Brand:
        return add_brand(
            session,
            brand_id,
            time_zone=zone,
            currency=currency,
            actor=person.actor,
            name=name,
            daily_budget_micros=daily,
            monthly_budget_micros=monthly,
            enabled=new.enabled,
        )

    return await make_edit(services, act, HTTPStatus.CREATED)


@router.get("/{brand_id}", **told(schemas.BrandView, errors=(404,)))
async def show(request: Request, brand_id: BrandId, _: Viewer, services: Served) -> Response:
    """What the controller holds now: spend, budgets, how many of its campaigns run."""
    views: Views = request.app.state.views
    text = views.brand(validation.identifier("brand", brand_id))
    if text is None:
        raise NotFound(f"There is no brand {brand_id}.")
    row = services.catalog.brand(brand_id)
    return Response(text, headers={"etag": etag(row)} if row else None, media_type="application/json")


@router.patch("/{brand_id}", **told(schemas.BrandRow, body=BrandEdit, errors=(404, 412, 428)))
async def edit(request: Request, brand_id: BrandId, person: Operator, services: Served) -> Response:
    """Changes what is named. A time zone is in force from the next whole minute at least a minute ahead."""
    brand_id = validation.identifier("brand", brand_id)
    expected = expected_revision(request, required=True)
    asked = await read_body(request, BrandEdit)
    changes = brand_changes(asked)
    zone = validation.time_zone(asked.time_zone) if isinstance(asked.time_zone, str) else None
    if not changes and zone is None:
        raise RefusedValue("Nothing to change was named.")

    def act(session: Session) -> Brand:
        row = edit_brand(session, brand_id, changes, actor=person.actor, expected_revision=expected)
        if zone is not None and zone != row.time_zone:
            starts_at = zone_starts_at(time.time_ns() // 1_000_000)
            row = change_time_zone(session, brand_id, zone, starts_at=starts_at, actor=person.actor)
        return row

    return await make_edit(services, act)


@router.post("/{brand_id}/pause", **told(schemas.BrandRow, errors=(404, 412)))
async def pause(request: Request, brand_id: BrandId, person: Operator, services: Served) -> Response:
    """Pauses all of its campaigns until `resume`; nothing else ends it."""
    return await _switch(request, services, brand_id, {"enabled": False}, person.actor)


@router.post("/{brand_id}/resume", **told(schemas.BrandRow, errors=(404, 412)))
async def resume(request: Request, brand_id: BrandId, person: Operator, services: Served) -> Response:
    """Ends `pause`; a campaign runs when nothing else holds it."""
    return await _switch(request, services, brand_id, {"enabled": True}, person.actor)


@router.post("/{brand_id}/archive", **told(schemas.BrandRow, errors=(404, 412)))
async def archive(request: Request, brand_id: BrandId, person: Operator, services: Served) -> Response:
    """Puts it away: its campaigns pause, what is still spent is still counted."""
    return await _switch(request, services, brand_id, {"archived": True}, person.actor)


@router.post("/{brand_id}/unarchive", **told(schemas.BrandRow, errors=(404, 412)))
async def unarchive(request: Request, brand_id: BrandId, person: Operator, services: Served) -> Response:
    """Takes it out again."""
    return await _switch(request, services, brand_id, {"archived": False}, person.actor)


@router.get("/{brand_id}/history", **told(schemas.ChangePage, errors=(404,)))
async def history(brand_id: BrandId, _: Viewer, services: Served, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Who changed what of the brand and its campaigns, newest first."""
    brand_id = validation.identifier("brand", brand_id)
    if services.catalog.brand(brand_id) is None:
        raise NotFound(f"There is no brand {brand_id}.")
    return await changes_page(services, cursor, limit, brand_id=brand_id)


async def _switch(request: Request, services: Services, brand_id: str, changes: BrandChanges, actor: str) -> Response:
    """To pause what is paused changes nothing, so no ETag is needed; one that is sent counts."""
    brand_id = validation.identifier("brand", brand_id)
    expected = expected_revision(request)
    return await make_edit(
        services, lambda session: edit_brand(session, brand_id, changes, actor=actor, expected_revision=expected)
    )
