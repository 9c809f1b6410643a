"""The page of channels, for admins: the secret of a webhook is shown once, on the answer to its form."""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from console.access.rights import PageAdmin
from console.pages.admin.catalog_access import read_catalog
from console.rendering.flash import flash_redirect
from console.rendering.render import page
from console.server.services import Served, Services
from core.errors import RefusedValue
from core.records import AlertKind, Severity
from models.errors import AlreadyExists, Refused, RowNotFound
from models.queries.channels import list_channels
from models.queries.deliveries import list_deliveries
from models.tables.channel import Channel, Delivery
from operations.accounts.person import Person
from operations.channels import NotArrived, add_channel, pause_channel, remove_channel, wait_for_test

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_SHOWN: Final = 50
#: How long a page waits for what becomes of a test.
_TEST_SECONDS: Final = 20.0


@router.get("/channels")
async def channels(request: Request, person: PageAdmin, services: Served) -> Response:
    return await _shown(request, person, services)


@router.post("/channels")
async def add(request: Request, person: PageAdmin, services: Served) -> Response:
    services.need_database()
    form = await request.form()
    name, address, brands = (str(form.get(it) or "").strip() for it in ("name", "address", "brands"))
    chosen: dict[str, Any] = {
        "alert_kinds": [str(it) for it in form.getlist("kinds")],
        "severities": [str(it) for it in form.getlist("severities")],
        "brand_ids": brands.replace(",", " ").split(),
        "commands": form.get("commands") == "true",
    }
    try:
        row, secret = await asyncio.to_thread(
            lambda: add_channel(services.settings, name, address, **chosen, actor=person.actor)
        )
    except (AlreadyExists, Refused, RefusedValue, RowNotFound) as error:
        # The address may hold a password, so it is not written into the page.
        return await _shown(request, person, services, error=str(error), name=name, brands=brands)
    if secret is None:
        return flash_redirect("/channels", "done")
    return await _shown(request, person, services, secret=secret, secret_of=row.name)


@router.post("/channels/{name}/paused")
async def switch(request: Request, name: str, person: PageAdmin, services: Served) -> Response:
    services.need_database()
    paused = (await request.form()).get("paused") == "true"
    await asyncio.to_thread(pause_channel, services.settings, name, paused, actor=person.actor)
    return flash_redirect("/channels", "done")


@router.post("/channels/{name}/remove")
async def remove(name: str, person: PageAdmin, services: Served) -> Response:
    services.need_database()
    await asyncio.to_thread(remove_channel, services.settings, name, actor=person.actor)
    return flash_redirect("/channels", "done")


@router.post("/channels/{name}/test")
async def send_test(request: Request, name: str, person: PageAdmin, services: Served) -> Response:
    services.need_database()
    try:
        await asyncio.to_thread(wait_for_test, services.settings, name, seconds=_TEST_SECONDS)
    except NotArrived as error:
        return await _shown(request, person, services, error=str(error))
    return flash_redirect("/channels", "tested")


async def _shown(request: Request, person: Person, services: Services, **values: Any) -> Response:
    def read(session: Session) -> tuple[list[Channel], list[Delivery]]:
        return list(list_channels(session)), list_deliveries(session, limit=_SHOWN).rows

    rows, deliveries = await read_catalog(services, read)
    usual = {"error": "", "secret": "", "secret_of": "", "name": "", "brands": ""}
    return page(
        request,
        "catalog/channels.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if values.get("error") else HTTPStatus.OK,
        kinds=list(AlertKind),
        severities=list(Severity),
        channels=rows,
        deliveries=deliveries,
        **{**usual, **values},
    )
