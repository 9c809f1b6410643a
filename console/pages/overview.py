"""The overview: all brands with spend, budgets and numbers of campaigns."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from console.access.rights import PageViewer
from console.live.needs import NEED_LABELS, Need
from console.pages.admin.catalog_access import read_catalog
from console.pages.brand_list import BY_NEED, PAGE_SIZE, Selected, select
from console.pages.brand_now import brand_now, entries
from console.pages.brand_rows import BRAND_COLUMNS, brand_cells
from console.pages.brand_totals import totals
from console.pages.csv_answer import csv_answer
from console.pages.page_stream import Part
from console.pages.shared_counts import SharedCounts
from console.rendering.flash import flash_redirect
from console.rendering.render import page, part
from console.server.compute_thread import in_compute_thread
from console.server.queries import PageQuery
from console.server.services import Served, Services
from core.moment import Moment
from models.queries.saved_views import delete_view, list_views, save_view
from operations.accounts.person import Role
from streams.clock import current_moment

__all__ = ["BrandListRequest", "NeedCounts", "OverviewQuery", "brand_list_request", "need_counts", "router"]

router = APIRouter(include_in_schema=False)

OverviewQuery = Annotated[
    Mapping[str, str], Depends(PageQuery("search", "sort", "number", archived=["true"], need=list(Need)))
]

_FIRST_SORT: Final = BY_NEED
#: The parameters of the address that a saved view keeps: not the page of the list.
_SAVED: Final = ("search", "archived", "need", "sort")
_SORT_LABELS: Final = [
    (BY_NEED, "What needs you first"),
    ("name", "Name"),
    ("-day", "Most of today's budget used"),
    ("-month", "Most of the month's budget used"),
    ("month", "Least of the month's budget used"),
    ("-spent", "Most spent today, by currency"),
    ("-paused", "Most campaigns paused"),
    ("currency", "Currency"),
    ("zone", "Time zone"),
]


class Chip(NamedTuple):
    """A need, how many brands have it, and the address that shows them, or all again."""

    need: Need
    label: str
    brands: int
    url: str


class BrandListRequest(NamedTuple):
    """What the address asks for."""

    search: str
    sort: str
    archived: bool
    need: Need | None
    number: int

    @property
    def filters(self) -> dict[str, str]:
        return {**self.filters_without_need, "need": self.need or ""}

    @property
    def filters_without_need(self) -> dict[str, str]:
        return {"search": self.search, "archived": "true" if self.archived else ""}


class Counted(NamedTuple):
    """What a filter of the overview finds: chips, totals and the sentence below the title, and the brands of its first
    page."""

    parts: list[Part]
    brand_ids: list[str]


NeedCounts = SharedCounts[BrandListRequest, Counted]


@router.get("/")
async def overview(request: Request, query: OverviewQuery, person: PageViewer, services: Served) -> Response:
    now, wanted = current_moment(), brand_list_request(query)
    chosen = await _chosen(services, wanted, now)
    sums = await in_compute_thread(totals, chosen.all)
    rows = [row for it in chosen.entries if (row := brand_now(services, it.brand_id, now))]
    filters, sort = wanted.filters, wanted.sort
    return page(
        request,
        "overview.html",
        person=person,
        rows=rows,
        now=now,
        sub=_subtitle(services),
        search=wanted.search,
        archived=wanted.archived,
        need=wanted.need,
        chips=_chips(chosen, wanted),
        totals=sums,
        sort=sort,
        sorts=_SORT_LABELS,
        sort_url=_url(filters, sort=""),
        csv_url=_url(filters, "/overview.csv", sort=sort),
        previous_url=_url(filters, sort=sort, number=chosen.page - 1) if chosen.page > 1 else None,
        next_url=_url(filters, sort=sort, number=chosen.page + 1) if chosen.page < chosen.pages else None,
        words=_words(chosen),
        live_url=_live_url(filters, sort, chosen),
        may_edit=person.may(Role.OPERATOR),
        views=await read_catalog(services, lambda session: list_views(session, person.name)),
        saved={**filters, "sort": sort if sort != _FIRST_SORT else ""},
        is_empty=not services.catalog.brand_ids(),
    )


@router.post("/views")
async def save(request: Request, person: PageViewer, services: Served) -> Response:
    """Saves the list as the address of the form's page shows it, under a name that is the person's own."""
    form = await request.form()
    title = str(form.get("title") or "").strip()
    given = {name: str(form.get(name) or "") for name in _SAVED}
    query = urlencode({name: text for name, text in given.items() if text})
    await read_catalog(services, lambda session: save_view(session, person.name, title, query))
    return flash_redirect(f"/?{query}", "view_saved")


@router.post("/views/delete")
async def delete(request: Request, person: PageViewer, services: Served) -> Response:
    title = str((await request.form()).get("title") or "")
    await read_catalog(services, lambda session: delete_view(session, person.name, title))
    return flash_redirect("/", "view_deleted")


@router.get("/overview.csv")
async def overview_csv(query: OverviewQuery, person: PageViewer, services: Served) -> Response:
    """The whole list that the page with this query shows, in its order, as CSV."""
    rows = map(brand_cells, (await _chosen(services, brand_list_request(query), current_moment())).all)
    return csv_answer("overview", BRAND_COLUMNS, rows, partial(services.sharing.export, person.name))


def brand_list_request(query: Mapping[str, str]) -> BrandListRequest:
    need = Need(query["need"]) if query.get("need") else None
    sort = query.get("sort") or _FIRST_SORT
    return BrandListRequest(
        query.get("search", ""), sort, bool(query.get("archived")), need, _whole(query.get("number", ""))
    )


def need_counts(services: Services) -> NeedCounts:
    return SharedCounts(partial(_counted, services))


async def _chosen(services: Services, wanted: BrandListRequest, now: Moment) -> Selected:
    # Work on all brands, so not on the event loop; the copies do not change meanwhile.
    held, catalog = services.broadcaster.summaries, services.catalog
    summaries, brand_ids = [(it, held.samples(it.brand_id)) for it in held.all()], list(catalog.brand_ids())
    listed = await in_compute_thread(entries, catalog, brand_ids, summaries, now)
    return await in_compute_thread(
        select,
        listed,
        search=wanted.search,
        archived=wanted.archived,
        need=wanted.need,
        sort=wanted.sort,
        page=wanted.number,
        in_campaigns=lambda brand_id, text: text in catalog.campaigns_text(brand_id),
    )


async def _counted(services: Services, wanted: BrandListRequest) -> Counted:
    chosen = await _chosen(services, wanted, current_moment())
    words = Part("overview-words", part("overview_words", _subtitle(services)))
    chips = Part("need-chips", part("need_chips", _chips(chosen, wanted), wanted.need))
    sums = Part("totals", part("currency_totals", await in_compute_thread(totals, chosen.all)))
    return Counted([words, chips, sums], [it.brand_id for it in chosen.entries])


def _chips(chosen: Selected, wanted: BrandListRequest) -> list[Chip]:
    """A chip for each need that a brand has; the address of the chosen one shows all brands again."""
    return [
        Chip(
            it,
            NEED_LABELS[it],
            chosen.needs.get(it, 0),
            _url(wanted.filters_without_need | {"need": "" if it is wanted.need else it}, sort=wanted.sort),
        )
        for it in Need
    ]


def _subtitle(services: Services) -> str:
    """A sentence with the number of brands and campaigns."""
    seen = list(services.broadcaster.summaries.all())
    running, paused = sum(it.running for it in seen), sum(it.paused for it in seen)
    words = f"{len(services.catalog.brand_ids()):,} brands, {running:,} campaigns running, {paused:,} paused"
    return words if services.broadcaster.summaries.is_warm else f"{words}; some brands are still being read"


def _words(chosen: Selected) -> str:
    if chosen.pages == 1:
        return ""
    first = (chosen.page - 1) * PAGE_SIZE + 1
    return f"{first:,}-{first + len(chosen.entries) - 1:,} of {chosen.found:,}"


def _url(filters: dict[str, str], path: str = "/", **more: str | int) -> str:
    """The address of the list; `sort` comes last, so that a template may append the name of a column."""
    given = [(name, value) for name, value in filters.items() if value]
    return f"{path}?" + urlencode([*given, *sorted(more.items(), key=lambda it: it[0])])


def _live_url(filters: dict[str, str], sort: str, chosen: Selected) -> str:
    address = _url(filters, "/live/brands", sort=sort, number=chosen.page)
    return address + "".join(f"&{urlencode({'id': it.brand_id})}" for it in chosen.entries)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
