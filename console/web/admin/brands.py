"""The pages on which brands are listed, added and edited."""

import time
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from console.access.person import Person, Role
from console.access.rights import PageOperator, PageViewer
from console.api.services import Served
from console.schedule_preview import zones_of
from console.web.admin.acts import acts_for
from console.web.admin.database import edit, look
from console.web.admin.edit_form import EditForm
from console.web.admin.fields import BRAND, NEW_BRAND, texts_of
from console.web.admin.paging import PAGE_ROWS, first_page, next_page, wanted
from console.web.admin.zone_change import zone_change_words
from console.web.render import page
from console.web.said import with_said
from console.zone_change import zone_starts_at
from models.brand import Brand
from models.catalog import add_brand, change_time_zone, edit_brand
from models.catalog_reads import get_brand, list_brands
from models.errors import AlreadyExists, StaleEdit
from streams.core.calendar import time_zone_names
from streams.core.moment import Moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

#: Names the zone whose consequences the person has read.
_CONFIRMED: Final = "confirmed_time_zone"


@router.get("/brands")
async def brands(request: Request, person: PageViewer, services: Served) -> Response:
    query = request.query_params
    search, archived, after = wanted(query, "search"), query.get("archived") == "true", wanted(query, "after")
    rows = await look(
        services,
        lambda session: list_brands(session, search=search, archived=archived, after=after, limit=PAGE_ROWS + 1),
    )
    return page(
        request,
        "catalog/brands.html",
        person=person,
        may_edit=person.may(Role.OPERATOR),
        search=search,
        archived=archived,
        rows=[(row, acts_for(row)) for row in rows[:PAGE_ROWS]],
        first_url=first_page(request),
        next_url=next_page(request, rows[PAGE_ROWS - 1].brand_id if len(rows) > PAGE_ROWS else None),
    )


@router.get("/new/brand")
async def new_brand(request: Request, person: PageOperator, services: Served) -> Response:
    blank = dict.fromkeys([field.name for field in NEW_BRAND], "") | {"time_zone": services.settings.time_zone or "UTC"}
    return _new_form(request, person, EditForm.opened(NEW_BRAND, blank))


@router.post("/new/brand")
async def add(request: Request, person: PageOperator, services: Served) -> Response:
    form = EditForm.sent(NEW_BRAND, dict(await request.form()))
    if form.errors:
        return _new_form(request, person, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    values: dict[str, Any] = form.reading.values
    try:
        said = await edit(services, lambda session: [add_brand(session, actor=person.actor, **values)])
    except AlreadyExists as error:
        form.errors["brand_id"] = str(error)
        return _new_form(request, person, form, HTTPStatus.CONFLICT)
    return _seen(f"/brands/{values['brand_id']}/edit", "added" if said == "saved" else said)


@router.get("/brands/{brand_id}/edit")
async def edit_form(request: Request, brand_id: str, person: PageOperator, services: Served) -> Response:
    row = await look(services, lambda session: get_brand(session, brand_id))
    return _edit_form(request, person, row, EditForm.opened(BRAND, texts_of(BRAND, row), row.revision))


@router.post("/brands/{brand_id}/edit")
async def save(request: Request, brand_id: str, person: PageOperator, services: Served) -> Response:
    """Asked again where another time zone is chosen, or where somebody else has edited the same fields."""
    sent = dict(await request.form())
    form = EditForm.sent(BRAND, sent)
    row = await look(services, lambda session: get_brand(session, brand_id))
    if form.errors:
        return _edit_form(request, person, row, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if versions := form.conflict(row, row.revision):
        return page(
            request,
            "catalog/conflict.html",
            person=person,
            status=HTTPStatus.PRECONDITION_FAILED,
            title=f"Brand {brand_id}",
            versions=versions,
            revision=row.revision,
        )
    zone, now = str(form.reading.values["time_zone"]), time.time_ns() // 1_000_000
    if zone not in (row.time_zone, sent.get(_CONFIRMED)):
        return _edit_form(request, person, row, form, zone_words=zone_change_words(zones_of(row), zone, now))
    try:
        said = await edit(services, lambda session: [_saved(session, row, form, person.actor, now)])
    except StaleEdit:  # another edit came between the look and this one
        return await save(request, brand_id, person, services)
    return _seen(request.url.path, said)


def _saved(session: Session, row: Brand, form: EditForm, actor: str, now: Moment) -> Brand:
    values: dict[str, Any] = dict(form.reading.values)
    zone = values.pop("time_zone")
    saved = edit_brand(session, row.brand_id, values, actor=actor, expected_revision=row.revision)  # type: ignore[arg-type]
    if zone == saved.time_zone:
        return saved
    return change_time_zone(session, row.brand_id, zone, starts_at=zone_starts_at(now), actor=actor)


def _new_form(request: Request, person: Person, form: EditForm, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return page(
        request, "catalog/new_brand.html", person=person, status=status, form=form, time_zones=time_zone_names()
    )


def _edit_form(
    request: Request,
    person: Person,
    row: Brand,
    form: EditForm,
    *,
    zone_words: list[str] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    return page(
        request,
        "catalog/edit_brand.html",
        person=person,
        status=status,
        brand=row,
        form=form,
        zone_words=zone_words,
        time_zones=time_zone_names(),
    )


def _seen(address: str, said: str) -> Response:
    """Loading the next page again does not save again."""
    return RedirectResponse(with_said(address, said), HTTPStatus.SEE_OTHER)
