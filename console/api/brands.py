"""`/api/v1/brands`."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from console.access.rights import Operator, Viewer
from console.api import schemas
from console.api.bodies import (
    BrandEdit,
    NewBrand,
    alert_percents,
    brand_changes,
    brand_overrides,
    budget,
    read_body,
    silent_after_minutes,
)
from console.api.edits import add_actions, expected_revision, make_edit, take_action, view_answer
from console.api.history import changes_page
from console.api.openapi import documented
from console.api.views import ViewCache
from console.server.paging import BrandId, Cursor, Limit, json_answer, page_in_memory
from console.server.services import Served
from core.errors import RefusedValue
from models.errors import RowNotFound
from models.queries.catalog_edits import add_brand, change_time_zone, edit_brand
from models.queries.text_search import folded, searched_text
from models.session import session_scope
from models.tables.brand import Brand
from models.tables.catalog_change import CatalogEntity
from models.threads import in_thread
from operations import validation
from operations.catalog_actions import CatalogAction
from operations.report.report import Report, month_of, read_report, report_view
from operations.zone_change import zone_starts_at
from streams.clock import current_moment

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/brands", tags=["brands"])

Search = Annotated[
    str | None, Query(max_length=200, description="A part of the id or name; of a campaign, of its external id too.")
]
Archived = Annotated[bool | None, Query(description="Only those that are archived, or are not.")]


@router.get("", **documented(schemas.BrandPage))
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
    views: ViewCache = request.app.state.views
    catalog = services.catalog
    needle = folded(search)

    def matches(brand_id: str) -> bool:
        row = catalog.brand(brand_id)
        if row is None or archived not in (None, row.archived):
            return False
        return needle in searched_text(row.brand_id, row.name)

    return await page_in_memory(
        services,
        "brands",
        catalog.brand_ids(),
        views.brand,
        cursor=cursor,
        limit=limit,
        matches=matches if needle or archived is not None else None,
    )


@router.post("", **documented(schemas.BrandRow, HTTPStatus.CREATED, body=NewBrand, errors=(409,)))
async def add(request: Request, person: Operator, services: Served) -> Response:
    """A new brand; answered when the broker has its document."""
    new = await read_body(request, NewBrand)
    brand_id = validation.identifier("brand", new.brand_id)
    zone = validation.time_zone(services.settings.time_zone if new.time_zone is None else new.time_zone)
    currency, name = validation.currency(new.currency), validation.name(new.name)
    daily, monthly = budget("daily budget", new.daily_budget), budget("monthly budget", new.monthly_budget)
    percents, silent = alert_percents(new.alert_percents), silent_after_minutes(new.silent_after_minutes)
    overrides = brand_overrides(new.budget_overrides)

    def insert(session: Session) -> Brand:
        return add_brand(
            session,
            brand_id,
            time_zone=zone,
            currency=currency,
            actor=person.actor,
            name=name,
            daily_budget_micros=daily,
            monthly_budget_micros=monthly,
            budget_overrides=overrides,
            pacing=new.pacing,
            enabled=new.enabled,
            alert_percents=percents,
            silent_after_minutes=silent,
        )

    return await make_edit(services, insert, HTTPStatus.CREATED)


@router.get("/{brand_id}", **documented(schemas.BrandView, errors=(404,)))
async def show(request: Request, brand_id: BrandId, _: Viewer, services: Served) -> Response:
    """What the controller holds now: spend, budgets, how many of its campaigns run."""
    views: ViewCache = request.app.state.views
    text = views.brand(validation.identifier("brand", brand_id))
    return view_answer(f"brand {brand_id}", text, services.catalog.brand(brand_id))


@router.patch("/{brand_id}", **documented(schemas.BrandRow, body=BrandEdit, errors=(404, 412, 428)))
async def edit(request: Request, brand_id: BrandId, person: Operator, services: Served) -> Response:
    """Changes what is named. A time zone is in force from the next whole minute at least a minute ahead."""
    brand_id = validation.identifier("brand", brand_id)
    expected = expected_revision(request, services.catalog.brand(brand_id), required=True)
    body = await read_body(request, BrandEdit)
    changes = brand_changes(body)
    zone = validation.time_zone(body.time_zone) if isinstance(body.time_zone, str) else None
    if not changes and zone is None:
        raise RefusedValue("Nothing to change was named.")

    def change(session: Session) -> Brand:
        row = edit_brand(session, brand_id, changes, actor=person.actor, expected_revision=expected)
        if zone is not None and zone != row.time_zone:
            starts_at = zone_starts_at(current_moment())
            row = change_time_zone(session, brand_id, zone, starts_at=starts_at, actor=person.actor)
        return row

    return await make_edit(services, change)


def _action_endpoint(action: CatalogAction) -> Callable[..., Awaitable[Response]]:
    async def endpoint(request: Request, brand_id: BrandId, person: Operator, services: Served) -> Response:
        return await take_action(request, services, person, action, CatalogEntity.BRAND, brand_id)

    return endpoint


add_actions(
    router,
    "/{brand_id}",
    schemas.BrandRow,
    {
        CatalogAction.PAUSE: "Pauses all of its campaigns until `resume`; nothing else ends it.",
        CatalogAction.RESUME: "Ends `pause`; a campaign runs when nothing else holds it.",
        CatalogAction.ARCHIVE: "Puts it away: its campaigns pause, what is still spent is still counted.",
        CatalogAction.UNARCHIVE: "Takes it out again.",
    },
    _action_endpoint,
)


@router.get("/{brand_id}/report", **documented(schemas.MonthReport, errors=(404,)))
async def report(
    brand_id: BrandId,
    person: Viewer,
    services: Served,
    month: Annotated[str, Query(description="Such as 2025-09.", max_length=7)],
) -> Response:
    """A month by campaign and day: budget, spend, variance, time on, time off by reason. Up to now."""
    services.need_database()
    brand_id, first = validation.identifier("brand", brand_id), month_of(month)

    def read() -> Report:
        with session_scope(services.settings.database) as session:
            return read_report(session, brand_id, first, current_moment())

    async with services.sharing.heavy(person.name):
        return json_answer(report_view(await in_thread(read)))


@router.get("/{brand_id}/history", **documented(schemas.ChangePage, errors=(404,)))
async def history(brand_id: BrandId, _: Viewer, services: Served, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Who changed what of the brand and its campaigns, newest first."""
    brand_id = validation.identifier("brand", brand_id)
    if services.catalog.brand(brand_id) is None:
        raise RowNotFound(f"There is no brand {brand_id}.")
    return await changes_page(services, cursor, limit, brand_id=brand_id)
