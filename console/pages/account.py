"""The page of one's own account: a new password, and signing out of every browser."""

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from console.access.authentication import SignInRefused, TooManyAttempts
from console.access.cookies import set_device, set_session
from console.access.rights import PageViewer
from console.pages.sign_in import address_of
from console.rendering.flash import flash_redirect
from console.rendering.render import page
from console.server.services import Served
from core.errors import RefusedValue
from operations.accounts.accounts import new_password
from operations.accounts.person import Person

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/account")
async def account(request: Request, person: PageViewer) -> Response:
    return _page(request, person)


@router.post("/account/password")
async def change_password(request: Request, person: PageViewer, services: Served) -> Response:
    """Requires the present password: an open browser is not enough. Ends all other sessions and renews this one."""
    form = await request.form()
    present, new, again = (str(form.get(field) or "") for field in ("present", "new", "again"))
    if new != again:
        return _page(request, person, again="It is not the same as the new password: write both again.")
    try:
        await services.authenticator.confirm(person.name, present, address_of(request))
        await asyncio.to_thread(new_password, services.settings.database, person.name, new, actor=person.actor)
    except SignInRefused:
        return _page(request, person, present="This is not the present password.")
    except RefusedValue as error:
        return _page(request, person, new=str(error))
    except TooManyAttempts as error:
        return _page(request, person, present=str(error), status=HTTPStatus.TOO_MANY_REQUESTS)
    services.authenticator.clear_cache()
    signed_in = await services.authenticator.sign_in_again(person.name, new, address_of(request))
    response = flash_redirect("/account", "password")
    set_session(request, response, signed_in.secret)
    set_device(request, response, signed_in.device)
    return response


def _page(
    request: Request, person: Person, status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY, **errors: str
) -> Response:
    """The form without what was typed: passwords are not sent back."""
    return page(request, "account.html", person=person, status=status if errors else HTTPStatus.OK, errors=errors)
