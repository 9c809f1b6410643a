"""The form that changes all campaigns that match a search. The question before it is that of a catalog file."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from console.access.rights import PageOperator
from console.pages.admin.catalog_file_page import SentRows, plan_page
from console.pages.admin.paging import filter_text
from console.pages.campaign_list import matching
from console.rendering.render import page
from console.server.compute_thread import in_compute_thread
from console.server.queries import PageQuery
from console.server.services import Served, Services
from core.errors import RefusedValue
from models.catalog_mirror import CatalogMirror
from models.tables.campaign import Campaign
from operations.accounts.person import Person
from operations.catalog_file.rows import WrongRow, WrongRows
from operations.many_campaigns import CAMPAIGNS_MAX, ManyChange, rows_of_change

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

#: Not below `/campaigns/`, where it would be the id of a campaign.
_ADDRESS: Final = "/many-campaigns"
MatchQuery = Annotated[Mapping[str, str], Depends(PageQuery("search", "brand", archived=["true"]))]


class _Match(NamedTuple):
    """The search of the list of campaigns."""

    brand: str | None
    search: str | None
    archived: bool

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "_Match":
        return cls(filter_text(values, "brand"), filter_text(values, "search"), values.get("archived") == "true")

    @property
    def list_address(self) -> str:
        query = {"brand": self.brand, "search": self.search, "archived": "true" if self.archived else None}
        return f"/campaigns?{urlencode({name: value for name, value in query.items() if value})}"


@router.get(_ADDRESS)
async def show(request: Request, query: MatchQuery, person: PageOperator, services: Served) -> Response:
    match = _Match.of(query)
    return _form(request, person, match, len(await _matching(services, match)), ManyChange())


@router.post(_ADDRESS)
async def ask(request: Request, person: PageOperator, services: Served) -> Response:
    """Shows what would change, which campaigns that would pause and resume, and the button that applies all of it.
    Changes nothing."""
    form = {name: str(value).strip() for name, value in (await request.form()).items()}
    match = _Match.of(form)
    change = ManyChange(**{name: form.get(name, "") for name in ManyChange._fields})
    campaigns = await _matching(services, match)
    count = len(campaigns)
    try:
        if not campaigns:
            raise RefusedValue("No campaign fits.")
        if count > CAMPAIGNS_MAX:
            raise RefusedValue(f"More than {CAMPAIGNS_MAX:,} campaigns match: search for fewer, or use a catalog file.")
        text = json.dumps({"rows": rows_of_change(campaigns, change)})
        sent = SentRows("json", text, form.get("note", ""), match.list_address)
        title = f"Change {count:,} campaign{'s' if count > 1 else ''}?"
        return await plan_page(request, person, services, sent, title=title)
    except WrongRows as error:
        return _form(request, person, match, count, change, form.get("note", ""), wrong=error.wrong)
    except RefusedValue as error:
        return _form(request, person, match, count, change, form.get("note", ""), error=str(error))


async def _matching(services: Services, match: _Match) -> Sequence[Campaign]:
    """The campaigns that the list has, by id; at most one more than may be changed at once."""
    return await in_compute_thread(_found, services.catalog, match)


def _found(catalog: CatalogMirror, match: _Match) -> list[Campaign]:
    found = matching(catalog.campaigns(match.brand, archived=match.archived), match.search or "")
    return sorted(found, key=lambda it: it.campaign_id)[: CAMPAIGNS_MAX + 1]


def _form(
    request: Request,
    person: Person,
    match: _Match,
    count: int,
    change: ManyChange,
    note: str = "",
    *,
    error: str = "",
    wrong: Sequence[WrongRow] = (),
) -> Response:
    return page(
        request,
        "catalog/many_campaigns.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error or wrong else HTTPStatus.OK,
        match=match,
        count=f"more than {CAMPAIGNS_MAX:,}" if count > CAMPAIGNS_MAX else f"{count:,}",
        change=change,
        note=note,
        error=error,
        wrong=wrong,
    )
