"""The pages that are updated live, and the event stream of the overview."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from console.access.rights import PageViewer
from console.live.command_feed import ReceivedCommand
from console.pages import brand_page, campaign_page, feed_page, first_steps, overview
from console.pages.brand_list import PAGE_SIZE
from console.pages.brand_now import row_html
from console.pages.overview import CountedNeeds, OverviewQuery
from console.pages.page_stream import Part, stream
from console.server.services import Served, Services
from core.moment import Moment
from operations.accounts.person import Role

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
for part in (overview, first_steps, feed_page, brand_page, campaign_page):
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
    needs: CountedNeeds = request.app.state.counted_needs
    return stream(
        request, services, nullcontext(_Brands(services, brand_ids, needs, query, may_edit=person.may(Role.OPERATOR)))
    )


class _Brands:
    """The rows of the overview, its chips, its totals and the sentence below its title."""

    is_incomplete = False

    def __init__(
        self,
        services: Services,
        brand_ids: Iterable[str],
        needs: CountedNeeds,
        query: Mapping[str, str],
        *,
        may_edit: bool,
    ) -> None:
        self._services = services
        self._needs = needs
        self._query = query
        self._may_edit = may_edit
        self.brand_ids = frozenset(brand_ids)

    def shows(self, received: ReceivedCommand) -> bool:
        return False

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        found: list[Part] = []
        for brand_id in changed:
            write = partial(row_html, self._services, brand_id, now, may_edit=self._may_edit)
            if html := self._services.broadcaster.text_of(brand_id, self._may_edit, write):
                found.append(Part(f"brand-{brand_id}", html))
            await asyncio.sleep(0)  # other requests run between two rows
        counted, is_new = await self._needs.parts(self._query)
        self.is_incomplete = not is_new
        return [*found, *counted]

    def command(self, received: ReceivedCommand) -> Part:
        raise AssertionError("the overview lists no commands")

    def newest(self) -> list[ReceivedCommand]:
        return []
