"""The pages that show what holds now, and the stream of the overview."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from console.access.rights import PageViewer
from console.api.services import Served, Services
from console.live.commands import Told
from console.web import brand_page, campaign_page, feed_page, overview
from console.web.brand_list import PAGE_SIZE
from console.web.brand_rows import row_html
from console.web.stream import Part, stream
from streams.core.moment import Moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
for part in (overview, feed_page, brand_page, campaign_page):
    router.include_router(part.router)

BrandIds = Annotated[list[str], Query(alias="id", max_length=PAGE_SIZE)]


@router.get("/live/brands")
async def brands(request: Request, _: PageViewer, services: Served, brand_ids: BrandIds = []) -> Response:  # noqa: B006
    return stream(request, services, _Brands(services, brand_ids))


class _Brands:
    """The rows of the overview."""

    def __init__(self, services: Services, brand_ids: Iterable[str]) -> None:
        self._services = services
        self.brand_ids = frozenset(brand_ids)

    def wants(self, told: Told) -> bool:
        return False

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        return [
            Part(f"brand-{brand_id}", html) for brand_id in changed if (html := row_html(self._services, brand_id, now))
        ]

    def command(self, told: Told) -> Part:
        raise AssertionError("the overview lists no commands")

    def newest(self) -> list[Told]:
        return []
