"""The overview: all brands with spend, budgets and numbers of campaigns."""

from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from console.access.rights import PageViewer
from console.live.broadcaster import wall_clock
from console.live.needs import Need
from console.pages.brand_list import PAGE_SIZE, Selected, select
from console.pages.brand_now import brand_now, entries
from console.rendering.render import page
from console.server.compute_thread import in_compute_thread
from console.server.queries import PageQuery
from console.server.services import Served, Services
from operations.accounts.person import Role

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

OverviewQuery = Annotated[
    Mapping[str, str], Depends(PageQuery("search", "sort", "number", archived=["true"], need=list(Need)))
]

_FIRST_SORT: Final = "name"
_LABELS: Final = {
    Need.OVER: "used up",
    Need.SOON: "gone within 2 h",
    Need.AHEAD: "ahead of the month",
    Need.BEHIND: "behind the month",
    Need.SILENT: "silent",
    Need.AFTER_PAUSE: "spend after a pause",
    Need.UNKNOWN_CAMPAIGN: "unknown campaign",
    Need.BY_HAND: "paused by hand",
}


class Chip(NamedTuple):
    """A need, how many brands have it, and the address that shows them, or all again."""

    need: Need
    label: str
    brands: int
    url: str


@router.get("/")
async def overview(request: Request, query: OverviewQuery, person: PageViewer, services: Served) -> Response:
    search, sort, archived = query.get("search", ""), query.get("sort") or _FIRST_SORT, bool(query.get("archived"))
    # Work on all brands, so not on the event loop; the copies do not change meanwhile.
    held = services.broadcaster.summaries
    summaries, brand_ids = [(it, held.samples(it.brand_id)) for it in held.all()], list(services.catalog.brand_ids())
    now = wall_clock()
    listed = await in_compute_thread(entries, services.catalog, brand_ids, summaries, now)
    need = Need(query["need"]) if query.get("need") else None
    number = _whole(query.get("number", ""))
    chosen = await in_compute_thread(
        select, listed, search=search, archived=archived, need=need, sort=sort, page=number
    )
    rows = [row for it in chosen.entries if (row := brand_now(services, it.brand_id, now))]
    without_need = {"search": search, "archived": "true" if archived else ""}
    filters = {**without_need, "need": need or ""}
    return page(
        request,
        "overview.html",
        person=person,
        rows=rows,
        now=now,
        sub=_subtitle(services),
        search=search,
        archived=archived,
        need=need,
        chips=_chips(chosen, need, without_need, sort),
        sort=sort,
        sort_url=_url(filters, sort=""),
        previous_url=_url(filters, sort=sort, number=chosen.page - 1) if chosen.page > 1 else None,
        next_url=_url(filters, sort=sort, number=chosen.page + 1) if chosen.page < chosen.pages else None,
        words=_words(chosen),
        live_url="/live/brands?" + urlencode([("id", row.brand_id) for row in rows]),
        may_edit=person.may(Role.OPERATOR),
    )


def _chips(chosen: Selected, need: Need | None, filters: dict[str, str], sort: str) -> list[Chip]:
    """The address of the chip that is chosen shows all brands again."""
    return [
        Chip(
            it,
            _LABELS[it],
            chosen.needs.get(it, 0),
            _url(filters if it is need else {**filters, "need": it}, sort=sort),
        )
        for it in Need
    ]


def _subtitle(services: Services) -> str:
    """How many brands and campaigns there are."""
    seen = list(services.broadcaster.summaries.all())
    running, paused = sum(it.running for it in seen), sum(it.paused for it in seen)
    words = f"{len(services.catalog.brand_ids()):,} brands, {running:,} campaigns running, {paused:,} paused"
    return words if services.broadcaster.summaries.is_warm else f"{words}; some brands are still being read"


def _words(chosen: Selected) -> str:
    if chosen.pages == 1:
        return ""
    first = (chosen.page - 1) * PAGE_SIZE + 1
    return f"{first:,}-{first + len(chosen.entries) - 1:,} of {chosen.found:,}"


def _url(filters: dict[str, str], **more: str | int) -> str:
    """`sort` last, so that a template may append the name of a column."""
    given = [(name, value) for name, value in filters.items() if value]
    return "/?" + urlencode([*given, *sorted(more.items(), key=lambda it: it[0])])


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
