"""The overview: all brands at a glance."""

from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from console.access.person import Role
from console.access.rights import PageViewer
from console.api.services import Served, Services
from console.live.hub import wall_clock
from console.web.brand_list import PAGE_SIZE, Selected, select
from console.web.brand_rows import brand_row, entries
from console.web.render import page

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_FIRST_SORT: Final = "name"


@router.get("/")
async def overview(
    request: Request,
    person: PageViewer,
    services: Served,
    search: str = "",
    sort: str = _FIRST_SORT,
    number: str = "",
    archived: bool = False,
) -> Response:
    chosen = select(entries(services), search=search, archived=archived, sort=sort, page=_whole(number))
    now = wall_clock()
    rows = [row for it in chosen.entries if (row := brand_row(services, it.brand_id, now))]
    asked = {"search": search, "archived": "true" if archived else ""}
    return page(
        request,
        "overview.html",
        person=person,
        rows=rows,
        now=now,
        sub=_sub(services),
        search=search,
        archived=archived,
        sort=sort,
        sort_url=_url(asked, sort=""),
        previous_url=_url(asked, sort=sort, number=chosen.page - 1) if chosen.page > 1 else None,
        next_url=_url(asked, sort=sort, number=chosen.page + 1) if chosen.page < chosen.pages else None,
        words=_words(chosen),
        live_url="/live/brands?" + urlencode([("id", row.brand_id) for row in rows]),
        may_edit=person.may(Role.OPERATOR),
    )


def _sub(services: Services) -> str:
    """What all of it comes to."""
    seen = list(services.hub.summaries.all())
    running, paused = sum(it.running for it in seen), sum(it.paused for it in seen)
    words = f"{len(services.catalog.brand_ids()):,} brands, {running:,} campaigns running, {paused:,} paused"
    return words if services.hub.summaries.is_warm else f"{words}; some brands are still being read"


def _words(chosen: Selected) -> str:
    if chosen.pages == 1:
        return ""
    first = (chosen.page - 1) * PAGE_SIZE + 1
    return f"{first:,}-{first + len(chosen.entries) - 1:,} of {chosen.found:,}"


def _url(asked: dict[str, str], **more: str | int) -> str:
    """`sort` last and empty where a column's name is to follow."""
    given = [(name, value) for name, value in asked.items() if value]
    return "/?" + urlencode([*given, *sorted(more.items(), key=lambda it: it[0])])


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
