"""The pages that are updated live, and the event stream of the overview."""

import asyncio
from collections.abc import Iterable
from contextlib import nullcontext
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from console.access.rights import PageViewer
from console.pages import all_campaigns, brand_page, campaign_page, feed_page, first_steps, overview
from console.pages.brand_list import PAGE_SIZE
from console.pages.brand_now import row_html
from console.pages.command_list import NoCommands
from console.pages.overview import BrandListRequest, NeedCounts, OverviewQuery, brand_list_request
from console.pages.page_stream import Part, stream
from console.server.services import Served, Services
from core.moment import Moment
from operations.accounts.person import Role

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
for part in (overview, all_campaigns, first_steps, feed_page, brand_page, campaign_page):
    router.include_router(part.router)

BrandIds = Annotated[list[str], Query(alias="id", max_length=PAGE_SIZE)]


@router.get("/live/brands")
async def brands(
    request: Request,
    query: OverviewQuery,
    person: PageViewer,
    services: Served,
    brand_ids: BrandIds = [],  # noqa: B006
) -> Response:
    needs: NeedCounts = request.app.state.need_counts
    view = _Brands(services, brand_ids, needs, brand_list_request(query), may_edit=person.may(Role.OPERATOR))
    return stream(request, services, nullcontext(view))


class _Brands(NoCommands):
    """The rows of the overview, its chips, its totals and the sentence below its title. While its list has room, brands
    that come to match are added; those that match no more stay until the page is loaded again."""

    def __init__(
        self,
        services: Services,
        brand_ids: Iterable[str],
        needs: NeedCounts,
        wanted: BrandListRequest,
        *,
        may_edit: bool,
    ) -> None:
        self._services = services
        self._needs = needs
        self._wanted = wanted
        self._may_edit = may_edit
        self.brand_ids = frozenset(brand_ids)
        self._counts_lack_a_change = False

    @property
    def is_incomplete(self) -> bool:
        return self._counts_lack_a_change or self._has_room

    @property
    def _has_room(self) -> bool:
        return self._wanted.number <= 1 and len(self.brand_ids) < PAGE_SIZE

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        found: list[Part] = []
        for brand_id in changed:
            found += self._row(brand_id, now)
            await asyncio.sleep(0)  # other requests run between two rows
        counted, is_new = await self._needs.counted(self._wanted._replace(number=1))
        self._counts_lack_a_change = not is_new
        return [*found, *self._additions(counted.brand_ids, now), *counted.parts]

    def _additions(self, brand_ids: Iterable[str], now: Moment) -> list[Part]:
        """The rows of those that the page lacks, each after the one before it."""
        found, before = [], ""
        for brand_id in brand_ids:
            if brand_id not in self.brand_ids and self._has_room:
                self.brand_ids |= {brand_id}
                found += [it._replace(list="overview", after=before) for it in self._row(brand_id, now)]
            before = _row_id(brand_id)
        return found

    def _row(self, brand_id: str, now: Moment) -> list[Part]:
        write = partial(row_html, self._services, brand_id, now, may_edit=self._may_edit)
        html = self._services.broadcaster.text_of(brand_id, self._may_edit, write)
        return [Part(_row_id(brand_id), html)] if html else []


def _row_id(brand_id: str) -> str:
    return f"brand-{brand_id}"
