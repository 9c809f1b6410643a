"""The page on which the windows of a campaign are drawn and typed, and what it asks while that is done."""

import time
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, RedirectResponse

from console.access.person import Person, Role
from console.access.rights import PageOperator, PageViewer
from console.api.services import Served, Services
from console.schedule_preview import schedule_of
from console.web.admin.database import edit, look
from console.web.admin.edit_form import revision_in
from console.web.render import page, part
from console.web.said import with_said
from console.web.schedule.rows import CheckedRows, Row, check_rows, rows_in, rows_of
from console.web.schedule.view import ScheduleView, schedule_view
from console.web.schedule.week import in_words
from models.brand import Brand
from models.campaign import Campaign
from models.catalog import set_windows
from models.catalog_reads import get_brand, get_campaign
from models.daypart_window import Window as WindowRow
from models.errors import StaleEdit
from streams.core.dayparting import Window, format_window

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

#: More rows than a browser would send fields of by default; the grid of anybody's week has a dozen.
_FIELDS_MAX: Final = 5_000
_SEEN: Final = "seen"


@router.get("/campaigns/{campaign_id}/schedule")
async def show(request: Request, campaign_id: str, person: PageViewer, services: Served) -> Response:
    campaign, brand = await _found(services, campaign_id)
    rows = rows_of(schedule_of(campaign).windows)
    return _page(request, person, campaign, brand, check_rows(rows))


@router.post("/campaigns/{campaign_id}/schedule/preview")
async def preview(request: Request, campaign_id: str, person: PageViewer, services: Served) -> Response:
    """What rows that are not saved come to: words and errors as they are, the rest as parts of the page."""
    campaign, brand = await _found(services, campaign_id)
    async with request.form(max_fields=_FIELDS_MAX) as form:
        checked = check_rows(rows_in(form))
    view = schedule_view(checked, campaign, brand, time.time_ns() // 1_000_000)
    return JSONResponse(
        {
            "words": view.words,
            "errors": {str(number): error for number, error in checked.errors.items()},
            "grid": part("schedule/blocks.html", view=view),
            "outlook": part("schedule/outlook.html", view=view),
            "preview": view.preview,
        }
    )


@router.post("/campaigns/{campaign_id}/schedule")
async def save(request: Request, campaign_id: str, person: PageOperator, services: Served) -> Response:
    """Asked again where somebody else has changed the windows since the page was opened."""
    async with request.form(max_fields=_FIELDS_MAX) as form:
        return await _save(request, form, campaign_id, person, services)


async def _save(request: Request, form: FormData, campaign_id: str, person: Person, services: Services) -> Response:
    campaign, brand = await _found(services, campaign_id)
    checked = check_rows(rows_in(form))
    if checked.errors:
        return _page(request, person, campaign, brand, checked, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if revision_in(form) != campaign.revision and form.get(_SEEN) != _canonical(campaign):
        return _page(request, person, campaign, brand, checked, status=HTTPStatus.PRECONDITION_FAILED)
    windows = [_row(window) for window in checked.windows.values()]

    def act(session: Session) -> list[Campaign]:
        return [
            set_windows(session, campaign_id, windows, actor=person.actor, expected_revision=campaign.revision)
        ]

    try:
        said = await edit(services, act)
    except StaleEdit:  # another edit came between the look and this one
        return await _save(request, form, campaign_id, person, services)
    return RedirectResponse(with_said(request.url.path, said), HTTPStatus.SEE_OTHER)
