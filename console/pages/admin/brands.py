"""The pages that list, add and edit brands."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from console.access.rights import PageOperator, PageViewer, safe_next
from console.pages.admin.catalog_access import edit, read_catalog
from console.pages.admin.edit_answers import added, conflict_page
from console.pages.admin.edit_form import EditForm
from console.pages.admin.fields import BRAND, NEW_BRAND, texts_of
from console.pages.admin.paging import PAGE_ROWS, filter_text, page_links
from console.pages.admin.zone_change import zone_change_words
from console.rendering.flash import flash_redirect
from console.rendering.ids_in_addresses import in_address
from console.rendering.render import page
from console.server.paging import BrandId
from console.server.queries import PageQuery
from console.server.services import Served
from core.calendar import time_zone_names
from core.moment import Moment
from models.errors import AlreadyExists, StaleEdit
from models.queries.catalog import get_brand, list_brands
from models.queries.catalog_edits import add_brand, change_time_zone, edit_brand
from models.tables.brand import Brand
from operations.accounts.person import Person, Role
from operations.catalog_actions import actions_for
from operations.dangerous_budgets import budgets_of, dangers_of
from operations.schedule_preview import zones_of
from operations.zone_change import zone_starts_at
from streams.clock import current_moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

NextQuery = Annotated[Mapping[str, str], Depends(PageQuery("next"))]
BrandsQuery = Annotated[Mapping[str, str], Depends(PageQuery("search", "after", archived=["true"]))]

#: A hidden field: the time zone whose consequences the form has shown.
_CONFIRMED: Final = "confirmed_time_zone"


@router.get("/brands")
async def brands(request: Request, query: BrandsQuery, person: PageViewer, services: Served) -> Response:
    search, archived, after = filter_text(query, "search"), query.get("archived") == "true", filter_text(query, "after")
    rows = await read_catalog(
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
        rows=[(row, actions_for(row)) for row in rows[:PAGE_ROWS]],
        **page_links(request, rows, lambda row: row.brand_id),
    )


@router.get("/new/brand")
async def new_brand(request: Request, query: NextQuery, person: PageOperator, services: Served) -> Response:
    blank = dict.fromkeys([field.name for field in NEW_BRAND], "") | {"time_zone": services.settings.time_zone or "UTC"}
    return _new_form(request, person, EditForm.opened(NEW_BRAND, blank), next_address=query.get("next", ""))


@router.post("/new/brand")
async def add(request: Request, person: PageOperator, services: Served) -> Response:
    sent = dict(await request.form())
    form, next_address = EditForm.sent(NEW_BRAND, sent), str(sent.get("next") or "")
    if form.errors:
        return _new_form(request, person, form, HTTPStatus.UNPROCESSABLE_ENTITY, next_address=next_address)
    values: dict[str, Any] = form.checked.values
    if asked := form.asking(dangers_of({}, values)):
        return _new_form(request, person, asked, next_address=next_address)
    try:
        flash = await edit(services, lambda session: [add_brand(session, actor=person.actor, **values)])
    except AlreadyExists as error:
        form.errors["brand_id"] = str(error)
        return _new_form(request, person, form, HTTPStatus.CONFLICT, next_address=next_address)
    return added(f"/brands/{in_address(values['brand_id'])}", flash, next_address)


@router.get("/brands/{brand_id}/edit")
async def edit_form(request: Request, brand_id: BrandId, person: PageOperator, services: Served) -> Response:
    row = await read_catalog(services, lambda session: get_brand(session, brand_id))
    return _edit_form(request, person, row, EditForm.opened(BRAND, texts_of(BRAND, row), row.revision))


@router.post("/brands/{brand_id}/edit")
async def save(request: Request, brand_id: BrandId, person: PageOperator, services: Served) -> Response:
    """Shows the form again to confirm another time zone, and the conflict page where others edited the same fields."""
    sent = dict(await request.form())
    form = EditForm.sent(BRAND, sent)
    row = await read_catalog(services, lambda session: get_brand(session, brand_id))
    if form.errors:
        return _edit_form(request, person, row, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if versions := form.conflict(row, row.revision):
        title = f"Brand {brand_id}"
        return await conflict_page(request, person, services, title, row, form, versions, time_zone=row.time_zone)
    if asked := form.asking(dangers_of(budgets_of(row), form.checked.values)):
        return _edit_form(request, person, row, asked)
    zone, now = str(form.checked.values["time_zone"]), current_moment()
    if zone not in (row.time_zone, sent.get(_CONFIRMED)):
        return _edit_form(request, person, row, form, zone_words=zone_change_words(zones_of(row), zone, now))
    try:
        flash = await edit(services, lambda session: [_saved(session, row, form, person.actor, now)])
    except StaleEdit:  # another edit was committed since the row was read
        return await save(request, brand_id, person, services)
    return flash_redirect(request.url.path, flash)


def _saved(session: Session, row: Brand, form: EditForm, actor: str, now: Moment) -> Brand:
    values: dict[str, Any] = dict(form.checked.values)
    zone = values.pop("time_zone")
    saved = edit_brand(session, row.brand_id, values, actor=actor, expected_revision=row.revision)  # type: ignore[arg-type]
    if zone == saved.time_zone:
        return saved
    return change_time_zone(session, row.brand_id, zone, starts_at=zone_starts_at(now), actor=actor)


def _new_form(
    request: Request, person: Person, form: EditForm, status: HTTPStatus = HTTPStatus.OK, *, next_address: str
) -> Response:
    return page(
        request,
        "catalog/new_brand.html",
        person=person,
        status=status,
        form=form,
        time_zones=time_zone_names(),
        next=safe_next(next_address) if next_address else "",
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
