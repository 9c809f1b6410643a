"""The pages, by their addresses."""

from fastapi import APIRouter, Request, Response

from console.access.rights import PageViewer
from console.api.services import Served
from console.web.render import page

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home(request: Request, person: PageViewer, services: Served) -> Response:
    return page(request, "home.html", person=person, brand_ids=services.catalog.brand_ids()[:50])
