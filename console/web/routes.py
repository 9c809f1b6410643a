"""All pages on which the catalog is edited and the journals are read, as one router."""

from fastapi import APIRouter

from console.web.admin import act_pages, brands, campaigns, history_pages
from console.web.schedule import pages as schedule_pages

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
for part in (brands, campaigns, history_pages, schedule_pages, act_pages):
    router.include_router(part.router)
