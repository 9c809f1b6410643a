"""The page of the campaigns of all brands, and its event stream."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext, suppress
from functools import partial
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Query, Request, Response

from console.access.rights import PageViewer
from console.live.brand_summary import BrandSummary
from console.live.campaign_marks import MARKS
from console.pages.campaign_list import (
    PAGE_SIZE,
    SORT_LABELS_OF_ALL,
    CampaignList,
    ListedCampaigns,
    campaign_chips,
    campaign_list,
    listed_campaigns,
    page_words,
)
from console.pages.campaign_now import CampaignNow, campaign_now
from console.pages.command_list import NoCommands
from console.pages.page_stream import Part, stream
from console.pages.shared_counts import SharedCounts
from console.rendering.render import page, part
from console.server.compute_thread import in_compute_thread
from console.server.queries import PageQuery
from console.server.services import Served, Services
from core.errors import Unreachable
from core.moment import Moment
from models.catalog_mirror import CatalogMirror
from models.tables.campaign import Campaign
from operations.accounts.person import Role
from operations.catalog_actions import CatalogAction, actions_for
from streams.live_state import LiveState

__all__ = ["CampaignCounts", "campaign_counts", "router"]

router = APIRouter(include_in_schema=False)

_ADDRESS: Final = "/campaigns"
CampaignsQuery = Annotated[
    Mapping[str, str], Depends(PageQuery("search", "brand", "number", "sort", archived=["true"], only=MARKS))
]
CampaignIds = Annotated[list[str], Query(alias="id", max_length=PAGE_SIZE)]
#: What a list has on its first page, and its chips, for open pages.
CampaignCounts = SharedCounts[CampaignList, ListedCampaigns]


class CampaignEntry(NamedTuple):
    campaign: CampaignNow
    actions: list[CatalogAction]


def campaign_counts(services: Services) -> CampaignCounts:
    return SharedCounts(partial(_counted, services))


@router.get(_ADDRESS)
async def campaigns(request: Request, query: CampaignsQuery, person: PageViewer, services: Served) -> Response:
    wanted = campaign_list(query)
    live: LiveState | None = None
    summaries: list[BrandSummary] = []
    with suppress(Unreachable):  # while the broker is away, the list is there without state and spend
        live, summaries = services.live, list(services.broadcaster.summaries.all())
    found = await in_compute_thread(_found, services.catalog, wanted, summaries)
    at = found.page
    return page(
        request,
        "catalog/campaigns.html",
        person=person,
        may_edit=person.may(Role.OPERATOR),
        wanted=wanted,
        is_away=live is None,
        many_url=wanted._replace(only="", sort="").url("/many-campaigns"),
        live_url=_live_url(wanted, found),
        rows=[_entry(services, row, live) for row in found.rows],
        chips=campaign_chips(_ADDRESS, wanted, found),
        sort=wanted.sort or "name",
        sorts=SORT_LABELS_OF_ALL,
        sort_url=wanted.sort_url(_ADDRESS),
        words=page_words(found),
        previous_url=wanted.url(_ADDRESS, at - 1) if at > 1 else None,
        next_url=wanted.url(_ADDRESS, at + 1) if at < found.pages else None,
        bulk_actions=[CatalogAction.UNARCHIVE] if wanted.archived else [CatalogAction.PAUSE, CatalogAction.RESUME],
    )


@router.get(f"/live{_ADDRESS}")
async def live(
    request: Request,
    query: CampaignsQuery,
    person: PageViewer,
    services: Served,
    campaign_ids: CampaignIds = [],  # noqa: B006
) -> Response:
    counts: CampaignCounts = request.app.state.campaign_counts
    view = _CampaignsView(services, campaign_ids, counts, campaign_list(query), may_edit=person.may(Role.OPERATOR))
    return stream(request, services, nullcontext(view))


class _CampaignsView(NoCommands):
    """The rows of the list and its chips. While the list has room, campaigns that come to match are added; those that
    match no more stay until the page is loaded again."""

    def __init__(
        self,
        services: Services,
        campaign_ids: Iterable[str],
        counts: CampaignCounts,
        wanted: CampaignList,
        *,
        may_edit: bool,
    ) -> None:
        self._services = services
        self._counts = counts
        self._wanted = wanted
        self._may_edit = may_edit
        #: By id, as last sent.
        self._shown: dict[str, CampaignEntry | None] = dict.fromkeys(campaign_ids)
        self._counts_lack_a_change = False
        rows = map(services.catalog.campaign, self._shown)
        self.brand_ids = frozenset(row.brand_id for row in rows if row)

    @property
    def is_incomplete(self) -> bool:
        return self._counts_lack_a_change or self._has_room

    @property
    def _has_room(self) -> bool:
        return self._wanted.number <= 1 and len(self._shown) < PAGE_SIZE

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        brand_ids, live = frozenset(changed), self._services.live
        found = [Part("broker-away", part("broker_away", False))]
        for campaign_id in list(self._shown):
            row = self._services.catalog.campaign(campaign_id)
            if row and row.brand_id in brand_ids:
                found += self._row(row, live)
                await asyncio.sleep(0)  # other requests run between two rows
        listed, is_new = await self._counts.counted(self._wanted._replace(number=1))
        self._counts_lack_a_change = not is_new
        chips = part("campaign_chips", campaign_chips(_ADDRESS, self._wanted, listed), inset=False)
        return [*found, *self._additions(listed.rows, live), Part("campaign-chips", chips)]

    def _additions(self, rows: Iterable[Campaign], live: LiveState) -> Iterator[Part]:
        """The rows of those that the page lacks, each after the one before it."""
        before = ""
        for row in rows:
            if row.campaign_id not in self._shown and self._has_room:
                self.brand_ids |= {row.brand_id}
                for it in self._row(row, live):
                    yield it._replace(list="campaigns", after=before)
            before = _row_id(row.campaign_id)

    def _row(self, row: Campaign, live: LiveState) -> list[Part]:
        """The row as a part of the page; empty where it is as last sent."""
        entry = _entry(self._services, row, live)
        if entry == self._shown.get(row.campaign_id):
            return []
        self._shown[row.campaign_id] = entry
        return [Part(_row_id(row.campaign_id), part("listed_campaign", entry, self._may_edit))]


async def _counted(services: Services, wanted: CampaignList) -> ListedCampaigns:
    summaries = list(services.broadcaster.summaries.all())
    return await in_compute_thread(_found, services.catalog, wanted, summaries)


def _found(catalog: CatalogMirror, wanted: CampaignList, summaries: Iterable[BrandSummary]) -> ListedCampaigns:
    """Work on all campaigns, so not for the event loop."""
    rows = catalog.campaigns(wanted.brand or None, archived=wanted.archived)
    facts = {campaign_id: its for summary in summaries for campaign_id, its in summary.campaigns.items()}
    currencies = {it: brand.currency for it in list(catalog.brand_ids()) if (brand := catalog.brand(it))}
    return listed_campaigns(rows, wanted, facts, currencies)


def _entry(services: Services, row: Campaign, live: LiveState | None) -> CampaignEntry:
    return CampaignEntry(campaign_now(services, row, live), actions_for(row))


def _live_url(wanted: CampaignList, found: ListedCampaigns) -> str:
    address = wanted.url(f"/live{_ADDRESS}", found.page)
    ids = "&".join(f"id={it.campaign_id}" for it in found.rows)  # an id is safe in an address
    return f"{address}{'&' if '?' in address else '?'}{ids}" if ids else address


def _row_id(campaign_id: str) -> str:
    return f"campaign-{campaign_id}"
