"""The router of the pages that edit the catalog and show ledger, journal and dead letters."""

from fastapi import APIRouter

from console.pages import reference
from console.pages.admin import (
    action_pages,
    brands,
    campaigns,
    catalog_file_page,
    channel_pages,
    command_page,
    dead_letter_pages,
    history_pages,
    journals,
    many_campaigns,
    people_history,
    people_pages,
    publish_spend,
    put_back,
    report_page,
    timeline_page,
    today_budget,
    what_if_page,
)
from console.pages.schedule import pages as schedule_pages

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
for part in (
    reference,
    brands,
    campaigns,
    many_campaigns,
    put_back,
    history_pages,
    schedule_pages,
    publish_spend,
    timeline_page,
    report_page,
    what_if_page,
    catalog_file_page,
    today_budget,
    journals,
    command_page,
    dead_letter_pages,
    people_history,
    people_pages,
    channel_pages,
    action_pages,  # last: the name of the action is a parameter of the path
):
    router.include_router(part.router)
