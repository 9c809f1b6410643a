"""`/api/v1/campaigns`, with `/pause`, `/resume`, `/windows`."""

import time
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from console import validation
from console.access.rights import Operator, Viewer
from console.api import schemas
from console.api.bodies import (
    CampaignEdit,
    NewCampaign,
    NewWindows,
    budget,
    campaign_changes,
    day_or_none,
    read_body,
    text_or_none,
    windows,
)
from console.api.brands import Archived, Search
from console.api.changes import changes_page
from console.api.computing import computed
from console.api.edits import etag, expected_revision, make_edit
from console.api.openapi import told
from console.api.pages import CampaignId, Cursor, Limit, json_answer, page_in_memory
from console.api.services import Served, Services
from console.api.views import Views
from console.schedule_preview import preview_of, schedule_of, zones_of
from console.views import campaign_row_view
from models.campaign import Campaign
from models.catalog import CampaignChanges, add_campaign, edit_campaign, set_windows
from models.errors import DatabaseAway, NotFound
from streams.errors import RefusedValue

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])


class State(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"


@router.get("", **told(schemas.CampaignPage))
async def list_campaigns(
    request: Request,
    _: Viewer,
    services: Served,
    brand_id: Annotated[str | None, Query(max_length=64)] = None,
    state: State | None = None,
    search: Search = None,
    archived: Archived = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Campaigns by id, of one brand or of all, as the controller holds them."""
    views: Views = request.app.state.views
    catalog, live = services.catalog, services.live
    wanted = (search or "").lower()

    def fits(campaign_id: str) -> bool:
        row = catalog.campaign(campaign_id)
        if row is None or (archived is not None and row.archived != archived):
            return False
        if wanted and wanted not in row.campaign_id.lower() and wanted not in row.name.lower():
            return False
        if state is None:
            return True
        found = live.campaign(campaign_id)
        return found is not None and found[1].terms is not None and bool(found[1].reasons) == (state is State.PAUSED)

    ids = catalog.campaign_ids(brand_id)
    return page_in_memory("campaigns", ids, views.campaign, cursor=cursor, limit=limit, fits=fits)


@router.post("", **told(schemas.CampaignRow, HTTPStatus.CREATED, body=NewCampaign, errors=(404, 409)))
async def add(request: Request, person: Operator, services: Served) -> Response:
    """A new campaign; answered when the broker has its document."""
    new = await read_body(request, NewCampaign)
    campaign_id = validation.identifier("campaign", new.campaign_id)
    brand_id = validation.identifier("brand", new.brand_id)
    name, external_id = validation.name(new.name), text_or_none(new.external_id)
    daily, total = budget("daily budget", new.daily_budget), budget("total budget", new.total_budget)
    starts_on, ends_on = day_or_none("starts_on", new.starts_on), day_or_none("ends_on", new.ends_on)
    validation.flight(starts_on, ends_on)
    its_windows = windows(new.windows)

    def act(session: Session) -> Campaign:
        return add_campaign(
            session,
            campaign_id,
            brand_id=brand_id,
            actor=person.actor,
            name=name,
            external_id=external_id,
            daily_budget_micros=daily,
            total_budget_micros=total,
            starts_on=starts_on,
            ends_on=ends_on,
            enabled=new.enabled,
            windows=its_windows,
        )

    return await make_edit(services, act, HTTPStatus.CREATED)


@router.get("/{campaign_id}", **told(schemas.CampaignView, errors=(404,)))
async def show(request: Request, campaign_id: CampaignId, _: Viewer, services: Served) -> Response:
    """What the controller holds now: whether it runs, why not, until when, and what it has spent."""
    views: Views = request.app.state.views
    text = views.campaign(validation.identifier("campaign", campaign_id))
    if text is None:
        raise NotFound(f"There is no campaign {campaign_id}.")
    row = services.catalog.campaign(campaign_id)
    return Response(text, headers={"etag": etag(row)} if row else None, media_type="application/json")


@router.patch("/{campaign_id}", **told(schemas.CampaignRow, body=CampaignEdit, errors=(404, 412, 428)))
async def edit(request: Request, campaign_id: CampaignId, person: Operator, services: Served) -> Response:
    """Changes what is named; windows are put at their own address."""
    campaign_id = validation.identifier("campaign", campaign_id)
    expected = expected_revision(request, required=True)
    changes = campaign_changes(await read_body(request, CampaignEdit))
    if not changes:
        raise RefusedValue("Nothing to change was named.")
    return await _edit(services, campaign_id, changes, person.actor, expected)


@router.post("/{campaign_id}/pause", **told(schemas.CampaignRow, errors=(404, 412)))
async def pause(request: Request, campaign_id: CampaignId, person: Operator, services: Served) -> Response:
    """Pauses it until `resume`; nothing else ends it."""
    return await _switch(request, services, campaign_id, {"enabled": False}, person.actor)


@router.post("/{campaign_id}/resume", **told(schemas.CampaignRow, errors=(404, 412)))
async def resume(request: Request, campaign_id: CampaignId, person: Operator, services: Served) -> Response:
    """Ends `pause`; it runs when nothing else holds it."""
    return await _switch(request, services, campaign_id, {"enabled": True}, person.actor)


@router.post("/{campaign_id}/archive", **told(schemas.CampaignRow, errors=(404, 412)))
async def archive(request: Request, campaign_id: CampaignId, person: Operator, services: Served) -> Response:
    """Puts it away: it pauses, what is still spent is still counted."""
    return await _switch(request, services, campaign_id, {"archived": True}, person.actor)


@router.post("/{campaign_id}/unarchive", **told(schemas.CampaignRow, errors=(404, 412)))
async def unarchive(request: Request, campaign_id: CampaignId, person: Operator, services: Served) -> Response:
    """Takes it out again."""
    return await _switch(request, services, campaign_id, {"archived": False}, person.actor)


@router.get("/{campaign_id}/windows", **told(schemas.Windows, errors=(404,)))
async def show_windows(campaign_id: CampaignId, _: Viewer, services: Served) -> Response:
    """When it may run; none at all is always."""
    row = _row(services, campaign_id)
    return json_answer({"windows": campaign_row_view(row)["windows"]}, headers={"etag": etag(row)})


@router.put("/{campaign_id}/windows", **told(schemas.CampaignRow, body=NewWindows, errors=(404, 412, 428)))
async def put_windows(request: Request, campaign_id: CampaignId, person: Operator, services: Served) -> Response:
    """Replaces all of its windows."""
    campaign_id = validation.identifier("campaign", campaign_id)
    expected = expected_revision(request, required=True)
    new = windows((await read_body(request, NewWindows)).windows)
    return await make_edit(
        services,
        lambda session: set_windows(session, campaign_id, new, actor=person.actor, expected_revision=expected),
    )


@router.get("/{campaign_id}/schedule", **told(schemas.Schedule, errors=(404,)))
async def schedule(
    campaign_id: CampaignId, _: Viewer, services: Served, days: Annotated[int, Query(ge=1, le=366)] = 7
) -> Response:
    """The pauses and resumes that windows and flight alone will make; budgets and operators may say otherwise."""
    row = _row(services, campaign_id)
    brand = services.catalog.brand(row.brand_id)
    if brand is None:  # it was made this moment, and its own row is still on the way
        raise DatabaseAway(f"The brand of {campaign_id} is not known yet: ask again.")
    view = await computed(preview_of, schedule_of(row), zones_of(brand), time.time_ns() // 1_000_000, days)
    return json_answer({"campaign_id": campaign_id, "brand_id": row.brand_id, **view})


@router.get("/{campaign_id}/history", **told(schemas.ChangePage, errors=(404,)))
async def history(
    campaign_id: CampaignId, _: Viewer, services: Served, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Who changed what, newest first."""
    row = _row(services, campaign_id)
    return await changes_page(services, cursor, limit, campaign_id=row.campaign_id)


def _row(services: Services, campaign_id: str) -> Campaign:
    row = services.catalog.campaign(validation.identifier("campaign", campaign_id))
    if row is None:
        raise NotFound(f"There is no campaign {campaign_id}.")
    return row


async def _switch(
    request: Request, services: Services, campaign_id: str, changes: CampaignChanges, actor: str
) -> Response:
    """To pause what is paused changes nothing, so no ETag is needed; one that is sent counts."""
    campaign_id = validation.identifier("campaign", campaign_id)
    return await _edit(services, campaign_id, changes, actor, expected_revision(request))


async def _edit(
    services: Services, campaign_id: str, changes: CampaignChanges, actor: str, expected: int | None
) -> Response:
    return await make_edit(
        services, lambda session: edit_campaign(session, campaign_id, changes, actor=actor, expected_revision=expected)
    )
