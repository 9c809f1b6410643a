"""The pages of users and tokens, for admins. A new password or token is shown once, on the answer to its form."""

import asyncio
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from console.access.rights import PageAdmin
from console.pages.admin.catalog_access import read_catalog
from console.rendering.flash import flash_redirect
from console.rendering.render import page
from console.server.services import Served, Services
from core.errors import RefusedValue
from models.errors import AlreadyExists, Refused
from models.queries.accounts import list_accounts, list_tokens, revoke_token, set_enabled, set_role
from operations import validation
from operations.accounts.accounts import TOKEN_DAYS_MAX, add_user, create_token, new_password
from operations.accounts.passwords import random_password
from operations.accounts.person import Person, Role

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_REFUSALS = (AlreadyExists, Refused, RefusedValue)


@router.get("/users")
async def users(request: Request, person: PageAdmin, services: Served) -> Response:
    return await _users(request, person, services)


@router.post("/users")
async def add(request: Request, person: PageAdmin, services: Served) -> Response:
    """The password is generated: nobody chooses one for another person."""
    services.need_database()
    name, role = _texts(await request.form(), "name", "role")
    password = random_password()
    try:
        url = services.settings.database
        account = await asyncio.to_thread(add_user, url, name, role, password, actor=person.actor)
    except _REFUSALS as error:
        return await _users(request, person, services, error=str(error), name=name, role=role)
    return await _users(request, person, services, secret=password, secret_of=account.name)


@router.post("/users/{name}/password")
async def reset(request: Request, name: str, person: PageAdmin, services: Served) -> Response:
    services.need_database()
    password = random_password()
    await asyncio.to_thread(new_password, services.settings.database, name, password, actor=person.actor)
    services.authenticator.clear_cache()
    return await _users(request, person, services, secret=password, secret_of=name)


@router.post("/users/{name}/role")
async def change_role(request: Request, name: str, person: PageAdmin, services: Served) -> Response:
    try:
        role = validation.one_of("role", str((await request.form()).get("role")), list(Role))
        await read_catalog(services, lambda session: set_role(session, name, role, actor=person.actor))
    except _REFUSALS as error:
        return await _users(request, person, services, error=str(error))
    return _redirect(services, "/users", "done")


@router.post("/users/{name}/enabled")
async def switch(request: Request, name: str, person: PageAdmin, services: Served) -> Response:
    enabled = (await request.form()).get("enabled") == "true"
    try:
        await read_catalog(services, lambda session: set_enabled(session, name, enabled, actor=person.actor))
    except _REFUSALS as error:
        return await _users(request, person, services, error=str(error))
    return _redirect(services, "/users", "done")


@router.get("/tokens")
async def tokens(request: Request, person: PageAdmin, services: Served) -> Response:
    return await _tokens(request, person, services)


@router.post("/tokens")
async def create(request: Request, person: PageAdmin, services: Served) -> Response:
    services.need_database()
    name, role, days = _texts(await request.form(), "name", "role", "days")
    try:
        number = validation.number("days", days, least=1, most=TOKEN_DAYS_MAX)
        token, secret = await asyncio.to_thread(
            create_token, services.settings.database, name, role, number, actor=person.actor
        )
    except _REFUSALS as error:
        return await _tokens(request, person, services, error=str(error), name=name, role=role, days=days)
    return await _tokens(request, person, services, secret=secret, secret_of=token.name)


@router.post("/tokens/{name}/revoke")
async def revoke(request: Request, name: str, person: PageAdmin, services: Served) -> Response:
    await read_catalog(services, lambda session: revoke_token(session, name, actor=person.actor))
    return _redirect(services, "/tokens", "revoked")


async def _users(request: Request, person: Person, services: Services, **values: Any) -> Response:
    return _shown(request, person, "catalog/users.html", values, users=await read_catalog(services, list_accounts))


async def _tokens(request: Request, person: Person, services: Services, **values: Any) -> Response:
    return _shown(request, person, "catalog/tokens.html", values, tokens=await read_catalog(services, list_tokens))


def _shown(request: Request, person: Person, template: str, values: dict[str, Any], **rows: Any) -> Response:
    usual = {"error": "", "secret": "", "secret_of": "", "name": "", "role": Role.VIEWER, "days": "365"}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if values.get("error") else HTTPStatus.OK
    return page(request, template, person=person, status=status, roles=list(Role), **{**usual, **values, **rows})


def _redirect(services: Services, address: str, flash: str) -> Response:
    """Clears the cache of the authenticator, so that the change holds from the next request."""
    services.authenticator.clear_cache()
    return flash_redirect(address, flash)


def _texts(form: FormData, *names: str) -> list[str]:
    return [str(form.get(name) or "").strip() for name in names]
