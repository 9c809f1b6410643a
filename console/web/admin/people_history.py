"""Who changed what of users and tokens, for admins."""

from collections.abc import Mapping
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from console.access.rights import PageAdmin
from console.api.services import Served
from console.web.admin.database import look
from console.web.admin.paging import PAGE_ROWS, first_page, next_page, number_wanted
from console.web.render import page
from models.account import AccountChange
from models.accounts import account_changes
from models.change import Json

__all__ = ["router", "told"]

router = APIRouter(include_in_schema=False)


class Told(NamedTuple):
    changed_at: int
    actor: str
    kind: str
    name: str
    words: list[str]


@router.get("/users/history")
async def history(request: Request, person: PageAdmin, services: Served) -> Response:
    before = number_wanted(request.query_params, "after")
    rows = await look(services, lambda session: account_changes(session, before=before, limit=PAGE_ROWS + 1))
    return page(
        request,
        "catalog/people_history.html",
        person=person,
        edits=[told(row) for row in rows[:PAGE_ROWS]],
        first_url=first_page(request),
        next_url=next_page(request, str(rows[PAGE_ROWS - 1].change_id) if len(rows) > PAGE_ROWS else None),
    )


def told(change: AccountChange) -> Told:
    words = [_words(field, values) for field, values in change.fields.items()]
    return Told(change.changed_at, change.actor, change.kind, change.name, words)


def _words(field: str, values: Mapping[str, Json]) -> str:
    """Secrets are not in it: a new password is told as one."""
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
        case "revoked":
            return "revoked"
    return field
