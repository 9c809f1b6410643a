"""`/api/v1/channels`: where alerts and commands go; `/api/v1/notifications`: what became of each."""

from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from msgspec import Meta

from console.access.rights import Admin, Operator, Viewer
from console.api import schemas
from console.api.bodies import Id, read_body
from console.api.openapi import documented
from console.server.paging import Cursor, Limit, json_answer, page_of
from console.server.services import Served
from core.records import AlertKind, Severity
from models.queries.channels import list_channels
from models.session import session_scope
from models.tables.channel import Channel
from models.threads import in_thread
from operations import channels as operations

__all__ = ["router"]

router = APIRouter(tags=["channels"])

_NAME = {"pattern": "^[A-Za-z0-9._@-]{1,64}$"}
Name = Annotated[str, Path(json_schema_extra=_NAME)]
DeliveryState = Literal["waiting", "delivered", "given_up", "dropped"]


class NewChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`address` is https://… for a signed webhook, or an address of Apprise; an empty filter lets all pass."""

    name: Annotated[str, Meta(extra_json_schema=_NAME)]
    address: Annotated[str, Meta(extra_json_schema={"maxLength": 2000})]
    kinds: list[AlertKind] = []
    severities: list[Severity] = []
    brands: Annotated[list[Id], Meta(extra_json_schema={"maxItems": 1000})] = []
    commands: bool = False


@router.get("/api/v1/channels", **documented(schemas.ChannelPage))
async def read(_: Viewer, services: Served) -> Response:
    """All channels, each with its address without what may be a secret."""
    services.need_database()

    def found() -> list[Channel]:
        with session_scope(services.settings.database) as session:
            return list(list_channels(session))

    return page_of([msgspec.json.encode(operations.channel_view(row)) for row in await in_thread(found)], None)


@router.post(
    "/api/v1/channels", **documented(schemas.ChannelAdded, HTTPStatus.CREATED, body=NewChannel, errors=(404, 409))
)
async def add(request: Request, person: Admin, services: Served) -> Response:
    """Adds a channel; for admins. `secret` is what webhooks are signed with, by Standard Webhooks; it is in no other
    answer."""
    body = await read_body(request, NewChannel)
    services.need_database()
    row, secret = await in_thread(
        operations.add_channel,
        services.settings,
        body.name,
        body.address,
        alert_kinds=body.kinds,
        severities=body.severities,
        brand_ids=body.brands,
        commands=body.commands,
        actor=person.actor,
    )
    return json_answer({**operations.channel_view(row), "secret": secret}, HTTPStatus.CREATED)


@router.delete("/api/v1/channels/{name}", **documented(schemas.ChannelView, errors=(404,)))
async def remove(name: Name, person: Admin, services: Served) -> Response:
    """Removes a channel; for admins. Its address and secret are deleted, what waits is dropped, its name is not used
    again."""
    services.need_database()
    row = await in_thread(operations.remove_channel, services.settings, name, actor=person.actor)
    return json_answer(operations.channel_view(row))


@router.post("/api/v1/channels/{name}/pause", **documented(schemas.ChannelView, errors=(404,)))
async def pause(name: Name, person: Operator, services: Served) -> Response:
    """Pauses a channel: what comes from now on waits."""
    services.need_database()
    row = await in_thread(operations.pause_channel, services.settings, name, True, actor=person.actor)
    return json_answer(operations.channel_view(row))


@router.post("/api/v1/channels/{name}/resume", **documented(schemas.ChannelView, errors=(404,)))
async def resume(name: Name, person: Operator, services: Served) -> Response:
    """Resumes a channel: what has waited is sent."""
    services.need_database()
    row = await in_thread(operations.pause_channel, services.settings, name, False, actor=person.actor)
    return json_answer(operations.channel_view(row))


@router.post("/api/v1/channels/{name}/test", **documented(schemas.Notification, HTTPStatus.ACCEPTED, errors=(404,)))
async def send_test(name: Name, _: Operator, services: Served) -> Response:
    """Hands a test to the notifier, which sends it once; `/api/v1/notifications` has what became of it."""
    services.need_database()

    def begun() -> operations.View:
        delivery_id = operations.begin_test(services.settings, name)
        return operations.delivery_view(operations.delivery_of(services.settings, delivery_id))

    return json_answer(await in_thread(begun), HTTPStatus.ACCEPTED)


@router.get("/api/v1/notifications", **documented(schemas.NotificationPage))
async def notifications(
    _: Viewer,
    services: Served,
    channel: Annotated[str | None, Query(max_length=64)] = None,
    brand_id: Annotated[str | None, Query(max_length=64)] = None,
    state: DeliveryState | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """What was and will be sent to channels, newest first."""
    services.need_database()
    found = await in_thread(
        operations.list_notifications,
        services.settings,
        channel=channel,
        brand_id=brand_id,
        state=state,
        after=cursor,
        limit=limit,
    )
    return page_of([msgspec.json.encode(operations.delivery_view(row)) for row in found.rows], found.after)
