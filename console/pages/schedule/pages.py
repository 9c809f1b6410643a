"""The page that edits the windows of a campaign, and the preview that it requests meanwhile."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, NamedTuple

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse

from console.access.csrf import FIELDS_MAX
from console.access.rights import PageOperator, PageViewer
from console.pages.admin.catalog_access import campaign_and_brand, edit
from console.pages.admin.edit_answers import edits_meanwhile
from console.pages.admin.edit_form import revision_in
from console.pages.schedule.rows import CheckedRows, WindowRow, check_rows, read_rows, rows_from_windows
from console.pages.schedule.view import schedule_view
from console.pages.week import in_words
from console.rendering.flash import flash_redirect
from console.rendering.render import fragment, page
from console.server.compute_thread import in_compute_thread
from console.server.paging import CampaignId
from console.server.services import Served
from core.windows import format_window
from models.errors import StaleEdit
from models.queries.catalog_edits import set_windows
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogChange
from operations.accounts.person import Person, Role
from operations.schedule_preview import schedule_of
from streams.clock import current_moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_SEEN: Final = "seen"
#: The number of the blank row, above that of any other.
_BLANK: Final = 9_999


@router.get("/campaigns/{campaign_id}/schedule")
async def show(request: Request, campaign_id: CampaignId, person: PageViewer, services: Served) -> Response:
    campaign, brand = await campaign_and_brand(services, campaign_id)
    checked = check_rows(rows_from_windows(schedule_of(campaign).windows))
    return await _page(request, person, campaign, brand, _SentRows(checked, campaign.revision, _windows_text(campaign)))


@router.post("/campaigns/{campaign_id}/schedule/preview")
async def preview(request: Request, campaign_id: CampaignId, person: PageViewer, services: Served) -> Response:
    """A preview of unsaved rows as JSON: words and errors as text, grid and next changes as HTML."""
    campaign, brand = await campaign_and_brand(services, campaign_id)
    async with request.form(max_fields=FIELDS_MAX) as form:
        checked = check_rows(read_rows(form))
    view = await in_compute_thread(schedule_view, checked, campaign, brand, current_moment())
    return JSONResponse(
        {
            "words": view.words,
            "errors": {str(number): error for number, error in checked.errors.items()},
            "grid": fragment("schedule/blocks.html", view=view),
            "next_changes": fragment("schedule/next_changes.html", view=view),
            "preview": view.preview,
        }
    )


@router.post("/campaigns/{campaign_id}/schedule")
async def save(request: Request, campaign_id: CampaignId, person: PageOperator, services: Served) -> Response:
    """Shows the form again where others changed the windows since it was opened."""
    async with request.form(max_fields=FIELDS_MAX) as form:
        rows = dict(enumerate(read_rows(form).values()))  # a filled-in blank row gets a number of its own
        sent = _SentRows(check_rows(rows), revision_in(form), form.get(_SEEN))
    campaign, brand = await campaign_and_brand(services, campaign_id)
    if sent.checked.errors:
        return await _page(request, person, campaign, brand, sent, HTTPStatus.UNPROCESSABLE_ENTITY)
    if sent.is_stale(campaign):
        edits = await edits_meanwhile(services, campaign, sent.revision, ["windows"])
        return await _page(request, person, campaign, brand, sent, HTTPStatus.PRECONDITION_FAILED, edits)
    windows = list(sent.checked.windows.values())

    def change(session: Session) -> list[Campaign]:
        revision = campaign.revision
        return [set_windows(session, campaign_id, windows, actor=person.actor, expected_revision=revision)]

    try:
        flash = await edit(services, change)
    except StaleEdit:  # another edit was committed since the row was read
        return await save(request, campaign_id, person, services)
    return flash_redirect(request.url.path, flash)


class _SentRows(NamedTuple):
    """The rows of a form, and the revision and windows that it was opened with."""

    checked: CheckedRows
    revision: int
    seen: object

    def is_stale(self, campaign: Campaign) -> bool:
        """Whether others changed the windows; a revision may also differ by a pause or a budget."""
        return self.revision != campaign.revision and self.seen != _windows_text(campaign)


def _windows_text(campaign: Campaign) -> str:
    return "; ".join(sorted(format_window(window) for window in schedule_of(campaign).windows))


async def _page(
    request: Request,
    person: Person,
    campaign: Campaign,
    brand: Brand,
    sent: _SentRows,
    status: HTTPStatus = HTTPStatus.OK,
    edits: Sequence[CatalogChange] = (),
) -> Response:
    """The form with the rows as sent; a stale one shows the saved windows too, and replaces them if sent again."""
    is_stale = status is HTTPStatus.PRECONDITION_FAILED
    is_refused = status is HTTPStatus.UNPROCESSABLE_ENTITY
    return page(
        request,
        "schedule/schedule.html",
        person=person,
        status=status,
        may_edit=person.may(Role.OPERATOR),
        campaign=campaign,
        brand=brand,
        view=await in_compute_thread(schedule_view, sent.checked, campaign, brand, current_moment()),
        rows={**sent.checked.rows, _BLANK: WindowRow()},
        is_stale=is_stale,
        edits=edits,
        saved_words=in_words(schedule_of(campaign).windows),
        revision=sent.revision if is_refused else campaign.revision,
        seen=sent.seen if is_refused else _windows_text(campaign),
    )
