"""`/api/v1/campaigns`, with `/pause`, `/resume`, `/windows`."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from console.access.rights import Operator, Viewer
from console.api import schemas
from console.api.bodies import (
    CampaignEdit,
    NewCampaign,
    NewWindows,
    budget,
    campaign_changes,
    campaign_overrides,
    day_or_none,
    read_body,
    text_or_none,
    windows,
)
from console.api.brands import Archived, Search
from console.api.edits import add_actions, etag, expected_revision, make_edit, take_action, view_answer
from console.api.history import changes_page
from console.api.openapi import documented
from console.api.views import ViewCache
from console.server.compute_thread import in_compute_thread
from console.server.paging import CampaignId, Cursor, Limit, QueryDay, json_answer, page_in_memory
from console.server.services import Served, Services
from core.errors import RefusedValue
from models.catalog_mirror import campaign_text
from models.errors import DatabaseAway, RowNotFound
from models.queries.catalog_edits import add_campaign, edit_campaign, set_windows
from models.queries.text_search import folded
from models.session import session_scope
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogEntity
from models.threads import in_thread
from operations import validation
from operations.catalog_actions import CatalogAction
from operations.catalog_views import campaign_row_view
from operations.schedule_preview import overrides_ahead, preview_of, schedule_of, zones_of
from operations.timeline.timeline import Timeline, read_timeline, timeline_view
from streams.clock import current_moment

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])


class State(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"


@router.get("", **documented(schemas.CampaignPage))
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
    views: ViewCache = request.app.state.views
    catalog, live = services.catalog, services.live
    needle = folded(search)

    def matches(campaign_id: str) -> bool:
        row = catalog.campaign(campaign_id)
        if row is None or archived not in (None, row.archived) or needle not in campaign_text(row):
            return False
        if state is None:
            return True
        found = live.campaign(campaign_id)
        return found is not None and found[1].config is not None and bool(found[1].reasons) == (state is State.PAUSED)

    ids = catalog.campaign_ids(brand_id)
    is_search = bool(needle) or archived is not None or state is not None
    return await page_in_memory(
        services,
        "campaigns",
        ids,
        views.campaign,
        cursor=cursor,
        limit=limit,
        matches=matches if is_search else None,
    )


@router.post("", **documented(schemas.CampaignRow, HTTPStatus.CREATED, body=NewCampaign, errors=(404, 409)))
async def add(request: Request, person: Operator, services: Served) -> Response:
    """A new campaign; answered when the broker has its document."""
    new = await read_body(request, NewCampaign)
    campaign_id = validation.identifier("campaign", new.campaign_id)
    brand_id = validation.identifier("brand", new.brand_id)
    name, external_id = validation.name(new.name), text_or_none(new.external_id)
    daily, total = budget("daily budget", new.daily_budget), budget("total budget", new.total_budget)
    overrides = campaign_overrides(new.budget_overrides)
    starts_on, ends_on = day_or_none("starts_on", new.starts_on), day_or_none("ends_on", new.ends_on)
    validation.flight(starts_on, ends_on)
    its_windows = windows(new.windows)

    def insert(session: Session) -> Campaign:
        return add_campaign(
            session,
            campaign_id,
            brand_id=brand_id,
            actor=person.actor,
            name=name,
            external_id=external_id,
            daily_budget_micros=daily,
            total_budget_micros=total,
            budget_overrides=overrides,
            starts_on=starts_on,
            ends_on=ends_on,
            enabled=new.enabled,
            windows=its_windows,
        )

    return await make_edit(services, insert, HTTPStatus.CREATED)


@router.get("/{campaign_id}", **documented(schemas.CampaignView, errors=(404,)))
async def show(request: Request, campaign_id: CampaignId, _: Viewer, services: Served) -> Response:
    """What the controller holds now: whether it runs, why not, until when, and what it has spent."""
    views: ViewCache = request.app.state.views
    text = views.campaign(validation.identifier("campaign", campaign_id))
    return view_answer(f"campaign {campaign_id}", text, services.catalog.campaign(campaign_id))


@router.patch("/{campaign_id}", **documented(schemas.CampaignRow, body=CampaignEdit, errors=(404, 412, 428)))
async def edit(request: Request, campaign_id: CampaignId, person: Operator, services: Served) -> Response:
    """Changes what is named; windows are put at their own address."""
    campaign_id = validation.identifier("campaign", campaign_id)
    expected = expected_revision(request, services.catalog.campaign(campaign_id), required=True)
    changes = campaign_changes(await read_body(request, CampaignEdit))
    if not changes:
        raise RefusedValue("Nothing to change was named.")
    return await make_edit(
        services,
        lambda session: edit_campaign(session, campaign_id, changes, actor=person.actor, expected_revision=expected),
    )


def _action_endpoint(action: CatalogAction) -> Callable[..., Awaitable[Response]]:
    async def endpoint(request: Request, campaign_id: CampaignId, person: Operator, services: Served) -> Response:
        return await take_action(request, services, person, action, CatalogEntity.CAMPAIGN, campaign_id)

    return endpoint


add_actions(
    router,
    "/{campaign_id}",
    schemas.CampaignRow,
    {
        CatalogAction.PAUSE: "Pauses it until `resume`; nothing else ends it.",
        CatalogAction.RESUME: "Ends `pause`; it runs when nothing else holds it.",
        CatalogAction.ARCHIVE: "Puts it away: it pauses, what is still spent is still counted.",
        CatalogAction.UNARCHIVE: "Takes it out again.",
    },
    _action_endpoint,
)


@router.get("/{campaign_id}/windows", **documented(schemas.Windows, errors=(404,)))
async def show_windows(campaign_id: CampaignId, _: Viewer, services: Served) -> Response:
    """When it may run; none at all is always."""
    row = _row(services, campaign_id)
    return json_answer({"windows": campaign_row_view(row)["windows"]}, headers={"etag": etag(row)})


@router.put("/{campaign_id}/windows", **documented(schemas.CampaignRow, body=NewWindows, errors=(404, 412, 428)))
async def put_windows(request: Request, campaign_id: CampaignId, person: Operator, services: Served) -> Response:
    """Replaces all of its windows."""
    campaign_id = validation.identifier("campaign", campaign_id)
    expected = expected_revision(request, services.catalog.campaign(campaign_id), required=True)
    new = windows((await read_body(request, NewWindows)).windows)
    return await make_edit(
        services,
        lambda session: set_windows(session, campaign_id, new, actor=person.actor, expected_revision=expected),
    )


@router.get("/{campaign_id}/schedule", **documented(schemas.CampaignSchedule, errors=(404,)))
async def schedule(
    campaign_id: CampaignId, _: Viewer, services: Served, days: Annotated[int, Query(ge=1, le=366)] = 7
) -> Response:
    """The pauses and resumes that windows and flight alone will make; budgets and operators may say otherwise."""
    row = _row(services, campaign_id)
    brand = services.catalog.brand(row.brand_id)
    if brand is None:  # new: the notification of its row is still on the way
        raise DatabaseAway(f"The brand of {campaign_id} is not known yet: ask again.")
    now = current_moment()
    view = await in_compute_thread(preview_of, schedule_of(row), zones_of(brand), now, days)
    view["budget_overrides"] = overrides_ahead(brand, row, now, days)
    return json_answer({"campaign_id": campaign_id, "brand_id": row.brand_id, **view})


@router.get("/{campaign_id}/timeline", **documented(schemas.CampaignTimeline, errors=(404,)))
async def timeline(
    campaign_id: CampaignId,
    _: Viewer,
    services: Served,
    from_: Annotated[QueryDay, Query(alias="from", description="The first day, in the brand's time zone.")],
    to: Annotated[QueryDay, Query(description="The last day; at most 93 in all.")],
) -> Response:
    """When it was on and off, why, by whom, and what was spent meanwhile: from the journal of commands and the history
    of the catalog, up to now."""
    services.need_database()
    campaign_id = validation.identifier("campaign", campaign_id)

    def read() -> Timeline:
        with session_scope(services.settings.database) as session:
            return read_timeline(session, campaign_id, from_, to, current_moment())

    return json_answer(timeline_view(await in_thread(read)))


@router.get("/{campaign_id}/history", **documented(schemas.ChangePage, errors=(404,)))
async def history(
    campaign_id: CampaignId, _: Viewer, services: Served, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Who changed what, newest first."""
    row = _row(services, campaign_id)
    return await changes_page(services, cursor, limit, campaign_id=row.campaign_id)


def _row(services: Services, campaign_id: str) -> Campaign:
    row = services.catalog.campaign(validation.identifier("campaign", campaign_id))
    if row is None:
        raise RowNotFound(f"There is no campaign {campaign_id}.")
    return row
