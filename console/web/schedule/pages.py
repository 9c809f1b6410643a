"""The page on which the windows of a campaign are drawn and typed, and what it asks while that is done."""

import time
from http import HTTPStatus
from typing import Final, NamedTuple

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, RedirectResponse

from console.access.csrf import FIELDS_MAX
from console.access.person import Person, Role
from console.access.rights import PageOperator, PageViewer
from console.api.computing import computed
from console.api.services import Served
from console.schedule_preview import schedule_of
from console.web.admin.database import campaign_and_brand, edit
from console.web.admin.edit_form import revision_in
from console.web.render import fragment, page
from console.web.said import with_said
from console.web.schedule.rows import CheckedRows, Row, check_rows, rows_in, rows_of, window_row
from console.web.schedule.view import schedule_view
from console.web.schedule.week import in_words
from models.brand import Brand
from models.campaign import Campaign
from models.catalog import set_windows
from models.errors import StaleEdit
from streams.core.dayparting import format_window
from streams.core.moment import Moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_SEEN: Final = "seen"
#: The number of the row that is there to be filled in, above those of any week.
_BLANK: Final = 9_999


@router.get("/campaigns/{campaign_id}/schedule")
async def show(request: Request, campaign_id: str, person: PageViewer, services: Served) -> Response:
    campaign, brand = await campaign_and_brand(services, campaign_id)
    checked = check_rows(rows_of(schedule_of(campaign).windows))
    return await _page(request, person, campaign, brand, _Sent(checked, campaign.revision, _seen(campaign)))


@router.post("/campaigns/{campaign_id}/schedule/preview")
async def preview(request: Request, campaign_id: str, person: PageViewer, services: Served) -> Response:
    """What rows that are not saved come to: words and errors as they are, the rest as parts of the page."""
    campaign, brand = await campaign_and_brand(services, campaign_id)
    async with request.form(max_fields=FIELDS_MAX) as form:
        checked = check_rows(rows_in(form))
    view = await computed(schedule_view, checked, campaign, brand, _now())
    return JSONResponse(
        {
            "words": view.words,
            "errors": {str(number): error for number, error in checked.errors.items()},
            "grid": fragment("schedule/blocks.html", view=view),
            "outlook": fragment("schedule/outlook.html", view=view),
            "preview": view.preview,
        }
    )


@router.post("/campaigns/{campaign_id}/schedule")
async def save(request: Request, campaign_id: str, person: PageOperator, services: Served) -> Response:
    """Asked again where somebody else has changed the windows since the page was opened."""
    async with request.form(max_fields=FIELDS_MAX) as form:
        rows = dict(enumerate(rows_in(form).values()))  # what was typed into the blank row is no longer the blank one
        sent = _Sent(check_rows(rows), revision_in(form), form.get(_SEEN))
    campaign, brand = await campaign_and_brand(services, campaign_id)
    if sent.checked.errors:
        return await _page(request, person, campaign, brand, sent, HTTPStatus.UNPROCESSABLE_ENTITY)
    if sent.is_stale(campaign):
        return await _page(request, person, campaign, brand, sent, HTTPStatus.PRECONDITION_FAILED)
    windows = [window_row(window) for window in sent.checked.windows.values()]

    def act(session: Session) -> list[Campaign]:
        revision = campaign.revision
        return [set_windows(session, campaign_id, windows, actor=person.actor, expected_revision=revision)]

    try:
        said = await edit(services, act)
    except StaleEdit:  # another edit came between the look and this one
        return await save(request, campaign_id, person, services)
    return RedirectResponse(with_said(request.url.path, said), HTTPStatus.SEE_OTHER)


class _Sent(NamedTuple):
    """Rows, and the revision and windows that the page was opened with."""

    checked: CheckedRows
    revision: int
    seen: object

    def is_stale(self, campaign: Campaign) -> bool:
        """A pause or another budget leaves the windows as they are."""
        return self.revision != campaign.revision and self.seen != _seen(campaign)


def _seen(campaign: Campaign) -> str:
    return "; ".join(sorted(format_window(window) for window in schedule_of(campaign).windows))


async def _page(
    request: Request,
    person: Person,
    campaign: Campaign,
    brand: Brand,
    sent: _Sent,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """Of what was sent; a stale page is told what is saved now, and saves over it only if it is sent once more."""
    is_stale = status is HTTPStatus.PRECONDITION_FAILED
    kept = status is HTTPStatus.UNPROCESSABLE_ENTITY
    return page(
        request,
        "schedule/schedule.html",
        person=person,
        status=status,
        may_edit=person.may(Role.OPERATOR),
        campaign=campaign,
        brand=brand,
        view=await computed(schedule_view, sent.checked, campaign, brand, _now()),
        rows={**sent.checked.rows, _BLANK: Row()},
        is_stale=is_stale,
        saved_words=in_words(schedule_of(campaign).windows),
        revision=sent.revision if kept else campaign.revision,
        seen=sent.seen if kept else _seen(campaign),
    )


def _now() -> Moment:
    return time.time_ns() // 1_000_000
