"""`/api/v1/control`: the command journal."""

from enum import StrEnum
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from console.access.rights import Viewer
from console.api import schemas
from console.api.openapi import documented
from console.server.paging import Cursor, Limit, page_of
from console.server.services import Served
from core.reasons import Reason
from core.records import Action
from models.errors import RowNotFound
from models.queries.acks import Acknowledged, acknowledgements
from models.queries.commands import Journaled, get_command, list_commands
from models.queries.paging import Page
from models.session import session_scope
from models.tables.control_log import ControlLog
from models.threads import in_thread
from operations import validation
from operations.journal import ack_view, decoded
from operations.overspend import Overspend, overspend_of, overspend_view

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/control", tags=["commands"])

ReasonName = StrEnum("ReasonName", {reason.name: reason.name.lower() for reason in Reason if reason.name})  # type: ignore[misc]


@router.get("", **documented(schemas.CommandPage))
async def read(
    _: Viewer,
    services: Served,
    brand_id: Annotated[str | None, Query(max_length=64)] = None,
    campaign_id: Annotated[str | None, Query(max_length=64)] = None,
    reason: ReasonName | None = None,
    action: Action | None = None,
    since: Annotated[str | None, Query(description="Decided at this moment or later, RFC 3339.")] = None,
    until: Annotated[str | None, Query(description="Decided before this moment, RFC 3339.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Every pause and resume as it was sent, newest first."""
    services.need_database()
    decided_since = None if since is None else validation.moment("moment of `since`", since)
    decided_until = None if until is None else validation.moment("moment of `until`", until)

    def query() -> Page[Journaled]:
        with session_scope(services.settings.database) as session:
            return list_commands(
                session,
                brand_id=brand_id,
                campaign_id=campaign_id,
                reason=reason,
                action=action,
                decided_since=decided_since,
                decided_until=decided_until,
                after=cursor,
                limit=limit,
            )

    page = await in_thread(query)
    return page_of([_entry(row.command, row.follows_a_gap) for row in page.rows], page.after)


@router.get("/{command_id}", **documented(schemas.CampaignCommand, errors=(404,)))
async def show(command_id: str, _: Viewer, services: Served) -> Response:
    """One command, byte for byte as it is on the topic."""
    services.need_database()

    def query() -> ControlLog:
        with session_scope(services.settings.database) as session:
            return get_command(session, command_id)

    return Response((await in_thread(query)).value, media_type="application/json")


@router.get("/{command_id}/acks", **documented(schemas.Acks, errors=(404,)))
async def acks(command_id: str, _: Viewer, services: Served) -> Response:
    """What each consumer says became of the command, and what was spent until a pause was applied."""
    services.need_database()

    def query() -> list[Acknowledged]:
        with session_scope(services.settings.database) as session:
            return acknowledgements(session, [get_command(session, command_id).command_id])[command_id]

    items = [ack_view(ack) for ack in await in_thread(query)]
    return Response(msgspec.json.encode({"items": items}), media_type="application/json")


@router.get("/{command_id}/overspend", **documented(schemas.CommandOverspend, errors=(404,)))
async def overspend(command_id: str, _: Viewer, services: Served) -> Response:
    """The overspend after a pause: the event that crossed the budget, what came after it until each consumer had
    applied the pause, and what came after that."""
    services.need_database()

    def query() -> Overspend:
        with session_scope(services.settings.database) as session:
            command = decoded(get_command(session, command_id))
            found = overspend_of(session, command, acknowledgements(session, [command_id]).get(command_id, []))
        if found is None:
            raise RowNotFound(f"{command_id} is no pause: an overspend is of a pause alone.")
        return found

    return Response(msgspec.json.encode(overspend_view(await in_thread(query))), media_type="application/json")


def _entry(row: ControlLog, follows_a_gap: bool) -> bytes:
    """The message and its position."""
    return msgspec.json.encode(
        {
            "command": msgspec.Raw(row.value),
            "topic": row.topic,
            "partition": row.partition,
            "offset": row.record_offset,
            "follows_a_gap": follows_a_gap,
        }
    )
