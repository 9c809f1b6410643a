"""The change history of users, tokens and channels, for admins."""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request, Response

from console.access.rights import PageAdmin
from console.pages.admin.catalog_access import read_catalog
from console.pages.admin.paging import PAGE_ROWS, filter_number, page_links
from console.rendering.render import page
from console.server.queries import PageQuery
from console.server.services import Served
from models.queries.accounts import account_changes
from models.tables.account import AccountChange
from models.tables.catalog_change import Json

__all__ = ["history_entry", "router"]

router = APIRouter(include_in_schema=False)

AfterQuery = Annotated[Mapping[str, str], Depends(PageQuery("after"))]


class AccountHistoryEntry(NamedTuple):
    changed_at: int
    actor: str
    kind: str
    name: str
    words: list[str]


@router.get("/users/history")
async def history(request: Request, query: AfterQuery, person: PageAdmin, services: Served) -> Response:
    before = filter_number(query, "after")
    rows = await read_catalog(services, lambda session: account_changes(session, before=before, limit=PAGE_ROWS + 1))
    return page(
        request,
        "catalog/people_history.html",
        person=person,
        edits=[history_entry(row) for row in rows[:PAGE_ROWS]],
        **page_links(request, rows, lambda change: change.change_id),
    )


def history_entry(change: AccountChange) -> AccountHistoryEntry:
    words = [_words(field, values) for field, values in change.fields.items()]
    return AccountHistoryEntry(change.changed_at, change.actor, change.kind, change.name, words)


def _words(field: str, values: Mapping[str, Json]) -> str:
    """A change in words; a password is not in the history, only that it was changed."""
    before, after = values["from"], values["to"]
    match field:
        case "role" if before is None:
            return f"added as {after}"
        case "role":
            return f"role from {before} to {after}"
        case "enabled":
            return "enabled" if after else "disabled"
        case "password":
            return "a new password"
        case "revoked" | "removed":
            return field
        case "address":
            return f"added for {after}"
        case "alert_kinds" | "severities" | "brand_ids" if isinstance(after, list):
            return f"{field.replace('_', ' ')} {', '.join(map(str, after))}"
        case "commands":
            return "commands as well"
        case "paused":
            return "paused" if after else "resumed"
    return field
