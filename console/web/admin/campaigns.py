"""The pages on which campaigns are listed, added and edited."""

from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from console.access.person import Person, Role
from console.access.rights import PageOperator, PageViewer
from console.api.services import Served, Services
from console.schedule_preview import schedule_of
from console.web.admin.acts import Act, acts_for
from console.web.admin.database import campaign_and_brand, edit, look
from console.web.admin.edit_form import EditForm
from console.web.admin.fields import CAMPAIGN, NEW_CAMPAIGN, texts_of
from console.web.admin.paging import PAGE_ROWS, first_page, next_page, wanted
from console.web.render import page
from console.web.said import with_said
from console.web.schedule.week import in_words
from models.brand import Brand
from models.campaign import Campaign
from models.catalog import add_campaign, edit_campaign
from models.catalog_reads import list_campaigns
from models.errors import AlreadyExists, NotFound, StaleEdit
from streams.core.reasons import reason_names
from streams.errors import Unreachable

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


class Listed(NamedTuple):
    """`reasons` is None where the controller does not hold the campaign yet, or cannot be asked."""

    row: Campaign
    currency: str
    windows: str
    reasons: tuple[str, ...] | None
    acts: list[Act]


@router.get("/campaigns")
async def campaigns(request: Request, person: PageViewer, services: Served) -> Response:
    query = request.query_params
    search, brand_id, after = (wanted(query, name) for name in ("search", "brand", "after"))
    archived = query.get("archived") == "true"
    rows = await look(
        services,
        lambda session: list_campaigns(
            session, brand_id=brand_id, search=search, archived=archived, after=after, limit=PAGE_ROWS + 1
        ),
    )
    return page(
        request,
        "catalog/campaigns.html",
        person=person,
        may_edit=person.may(Role.OPERATOR),
        search=search,
        brand_id=brand_id,
        archived=archived,
        rows=[_listed(services, row) for row in rows[:PAGE_ROWS]],
        bulk_acts=[Act.UNARCHIVE] if archived else [Act.PAUSE, Act.RESUME],
        first_url=first_page(request),
        next_url=next_page(request, rows[PAGE_ROWS - 1].campaign_id if len(rows) > PAGE_ROWS else None),
    )


@router.get("/new/campaign")
async def new_campaign(request: Request, person: PageOperator, services: Served) -> Response:
    blank = dict.fromkeys([field.name for field in NEW_CAMPAIGN], "")
    blank["brand_id"] = wanted(request.query_params, "brand") or ""
    return _new_form(request, person, services, EditForm.opened(NEW_CAMPAIGN, blank))


@router.post("/new/campaign")
async def add(request: Request, person: PageOperator, services: Served) -> Response:
    sent = dict(await request.form())
    form = EditForm.sent(NEW_CAMPAIGN, sent)
    paused = sent.get("paused") == "true"
    if form.errors:
        return _new_form(request, person, services, form, HTTPStatus.UNPROCESSABLE_ENTITY, paused=paused)
    values: dict[str, Any] = {**form.reading.values, "enabled": not paused}
    try:
        said = await edit(services, lambda session: [add_campaign(session, actor=person.actor, **values)])
    except NotFound as error:
        form.errors["brand_id"] = str(error)
        return _new_form(request, person, services, form, HTTPStatus.UNPROCESSABLE_ENTITY, paused=paused)
    except AlreadyExists as error:
        form.errors["campaign_id"] = str(error)
        return _new_form(request, person, services, form, HTTPStatus.CONFLICT, paused=paused)
    return _seen(f"/campaigns/{values['campaign_id']}/edit", "added" if said == "saved" else said)


@router.get("/campaigns/{campaign_id}/edit")
async def edit_form(request: Request, campaign_id: str, person: PageOperator, services: Served) -> Response:
    row, brand = await campaign_and_brand(services, campaign_id)
    form = EditForm.opened(CAMPAIGN, texts_of(CAMPAIGN, row), row.revision)
    return _edit_form(request, person, row, brand, form)


@router.post("/campaigns/{campaign_id}/edit")
async def save(request: Request, campaign_id: str, person: PageOperator, services: Served) -> Response:
    """Asked again where somebody else has edited the same fields."""
    form = EditForm.sent(CAMPAIGN, dict(await request.form()))
    row, brand = await campaign_and_brand(services, campaign_id)
    if form.errors:
        return _edit_form(request, person, row, brand, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    if versions := form.conflict(row, row.revision):
        return page(
            request,
            "catalog/conflict.html",
            person=person,
            status=HTTPStatus.PRECONDITION_FAILED,
            title=f"Campaign {campaign_id}",
            versions=versions,
            revision=row.revision,
        )
    values: Any = form.reading.values
    try:
        said = await edit(
            services,
            lambda session: [
                edit_campaign(session, campaign_id, values, actor=person.actor, expected_revision=row.revision)
            ],
        )
    except StaleEdit:  # another edit came between the look and this one
        return await save(request, campaign_id, person, services)
    return _seen(request.url.path, said)


def _listed(services: Services, row: Campaign) -> Listed:
    brand = services.catalog.brand(row.brand_id)
    words = in_words(schedule_of(row).windows)
    return Listed(row, brand.currency if brand else "", words, _reasons(services, row), acts_for(row))


def _reasons(services: Services, row: Campaign) -> tuple[str, ...] | None:
    try:
        held = services.live.campaign(row.campaign_id)
    except Unreachable:
        return None
    return tuple(reason_names(held[1].reasons)) if held and held[1].terms else None


def _new_form(
    request: Request,
    person: Person,
    services: Services,
    form: EditForm,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    paused: bool = False,
) -> Response:
    return page(
        request,
        "catalog/new_campaign.html",
        person=person,
        status=status,
        form=form,
        paused=paused,
        brand_ids=services.catalog.brand_ids(),
    )


def _edit_form(
    request: Request,
    person: Person,
    row: Campaign,
    brand: Brand,
    form: EditForm,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    return page(
        request, "catalog/edit_campaign.html", person=person, status=status, campaign=row, brand=brand, form=form
    )


def _seen(address: str, said: str) -> Response:
    return RedirectResponse(with_said(address, said), HTTPStatus.SEE_OTHER)
