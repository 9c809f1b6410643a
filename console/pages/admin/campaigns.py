"""The pages that add and edit campaigns."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from console.access.rights import PageOperator, safe_next
from console.pages.admin.catalog_access import campaign_and_brand, edit, read_catalog
from console.pages.admin.edit_answers import added, conflict_page
from console.pages.admin.edit_form import EditForm
from console.pages.admin.fields import CAMPAIGN, NEW_CAMPAIGN, texts_of
from console.pages.admin.paging import filter_text
from console.pages.week import in_words
from console.rendering.flash import flash_redirect
from console.rendering.ids_in_addresses import in_address
from console.rendering.render import page
from console.server.paging import CampaignId
from console.server.queries import PageQuery
from console.server.services import Served, Services
from core.windows import Window
from models.errors import AlreadyExists, RowNotFound, StaleEdit
from models.queries.catalog import get_campaign
from models.queries.catalog_edits import add_campaign, edit_campaign
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations.accounts.person import Person
from operations.dangerous_budgets import budgets_of, dangers_of
from operations.schedule_preview import schedule_of

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

NewQuery = Annotated[Mapping[str, str], Depends(PageQuery("brand", "copy", "next"))]


class _New(NamedTuple):
    """Hidden inputs of the form of a new campaign."""

    #: The id of the campaign whose windows it gets.
    copy: str = ""
    #: The page that led to the form.
    next: str = ""


@router.get("/new/campaign")
async def new_campaign(request: Request, query: NewQuery, person: PageOperator, services: Served) -> Response:
    """`copy` is the id of a campaign whose settings and windows the form begins with."""
    texts = dict.fromkeys([field.name for field in NEW_CAMPAIGN], "")
    texts["brand_id"] = filter_text(query, "brand") or ""
    new = _New(query.get("copy", ""), query.get("next", ""))
    paused, windows = False, None
    if new.copy:
        row, windows = await read_catalog(services, lambda session: _with_windows(get_campaign(session, new.copy)))
        # The id on the platform is that of one campaign.
        texts |= texts_of(CAMPAIGN, row) | {"brand_id": row.brand_id, "external_id": ""}
        paused = not row.enabled
    form = EditForm.opened(NEW_CAMPAIGN, texts)
    return _new_form(request, person, services, form, new, paused=paused, windows=windows)


@router.post("/new/campaign")
async def add(request: Request, person: PageOperator, services: Served) -> Response:
    sent = dict(await request.form())
    form, new = EditForm.sent(NEW_CAMPAIGN, sent), _New(*(str(sent.get(name) or "") for name in _New._fields))
    paused = sent.get("paused") == "true"
    if form.errors:
        return _new_form(request, person, services, form, new, HTTPStatus.UNPROCESSABLE_ENTITY, paused=paused)
    values: dict[str, Any] = {**form.checked.values, "enabled": not paused}

    def add_to_catalog(session: Session) -> list[Campaign]:
        windows = schedule_of(get_campaign(session, new.copy)).windows if new.copy else ()
        return [add_campaign(session, actor=person.actor, windows=windows, **values)]

    try:
        flash = await edit(services, add_to_catalog)
    except RowNotFound as error:
        form.errors["brand_id"] = str(error)
        return _new_form(request, person, services, form, new, HTTPStatus.UNPROCESSABLE_ENTITY, paused=paused)
    except AlreadyExists as error:
        form.errors["campaign_id"] = str(error)
        return _new_form(request, person, services, form, new, HTTPStatus.CONFLICT, paused=paused)
    return added(f"/campaigns/{in_address(values['campaign_id'])}", flash, new.next)


@router.get("/campaigns/{campaign_id}/edit")
async def edit_form(request: Request, campaign_id: CampaignId, person: PageOperator, services: Served) -> Response:
    row, brand = await campaign_and_brand(services, campaign_id)
    form = EditForm.opened(CAMPAIGN, texts_of(CAMPAIGN, row), row.revision)
    return _edit_form(request, person, row, brand, form)


@router.post("/campaigns/{campaign_id}/edit")
async def save(request: Request, campaign_id: CampaignId, person: PageOperator, services: Served) -> Response:
    """Shows the conflict page where others edited the same fields."""
    form = EditForm.sent(CAMPAIGN, dict(await request.form()))
    row, brand = await campaign_and_brand(services, campaign_id)
    if form.errors:
        return _edit_form(request, person, row, brand, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    if versions := form.conflict(row, row.revision):
        title = f"Campaign {campaign_id}"
        return await conflict_page(request, person, services, title, row, form, versions, time_zone=brand.time_zone)
    values: Any = form.checked.values
    if asked := form.asking(dangers_of(budgets_of(row), values)):
        return _edit_form(request, person, row, brand, asked)
    try:
        flash = await edit(
            services,
            lambda session: [
                edit_campaign(session, campaign_id, values, actor=person.actor, expected_revision=row.revision)
            ],
        )
    except StaleEdit:  # another edit was committed since the row was read
        return await save(request, campaign_id, person, services)
    return flash_redirect(request.url.path, flash)


def _with_windows(row: Campaign) -> tuple[Campaign, Sequence[Window]]:
    """Both as the database has them now; the catalog in memory may be a moment behind."""
    return row, schedule_of(row).windows


def _new_form(
    request: Request,
    person: Person,
    services: Services,
    form: EditForm,
    new: _New,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    paused: bool = False,
    windows: Sequence[Window] | None = None,
) -> Response:
    """`windows` are those of the campaign that is copied; without them the catalog in memory has them."""
    if windows is None and new.copy and (copied := services.catalog.campaign(new.copy)):
        windows = schedule_of(copied).windows
    return page(
        request,
        "catalog/new_campaign.html",
        person=person,
        status=status,
        form=form,
        paused=paused,
        copy=new.copy,
        copied_windows=in_words(windows) if windows is not None else "",
        next=safe_next(new.next) if new.next else "",
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
