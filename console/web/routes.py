"""All pages on which the catalog is edited and the journals are read, as one router."""

from fastapi import APIRouter

from console.web.admin import (
    act_pages,
    brands,
    campaigns,
    dead_letter_pages,
    history_pages,
    journals,
    people_history,
    people_pages,
    simulate,
)
from console.web.schedule import pages as schedule_pages

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
for part in (
    brands,
    campaigns,
    history_pages,
    schedule_pages,
    simulate,
    journals,
    dead_letter_pages,
    people_history,
    people_pages,
    act_pages,  # last: an act is a part of the address
):
    router.include_router(part.router)
