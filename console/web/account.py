"""One's own account: another password, and out of every browser."""

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from console.access.cookies import set_session
from console.access.gate import SignInRefused, TooManyAttempts
from console.access.people import new_password
from console.access.person import Person
from console.access.rights import PageViewer
from console.api.services import Served
from console.web.render import page
from console.web.said import with_said
from console.web.sign_in import address_of
from streams.errors import RefusedValue

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/account")
async def account(request: Request, person: PageViewer) -> Response:
    return _page(request, person)


@router.post("/account/password")
async def change_password(request: Request, person: PageViewer, services: Served) -> Response:
    """Asks for the present one, so that a browser left open is not enough. All other sessions end; this one is new."""
    form = await request.form()
    present, new, again = (str(form.get(field) or "") for field in ("present", "new", "again"))
    if new != again:
        return _page(request, person, again="It is not the same as the new password: write both again.")
    try:
        await services.gate.confirm(person.name, present, address_of(request))
        await asyncio.to_thread(new_password, services.settings.database, person.name, new, actor=person.actor)
    except SignInRefused:
        return _page(request, person, present="This is not the present password.")
    except RefusedValue as error:
        return _page(request, person, new=str(error))
    except TooManyAttempts as error:
        return _page(request, person, present=str(error), status=HTTPStatus.TOO_MANY_REQUESTS)
    services.gate.forget()
    secret = await services.gate.sign_in(person.name, new, address_of(request))
    response = RedirectResponse(with_said("/account", "password"), HTTPStatus.SEE_OTHER)
    set_session(request, response, secret)
    return response


def _page(
    request: Request, person: Person, status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY, **errors: str
) -> Response:
    """What was typed is not sent back."""
    return page(request, "account.html", person=person, status=status if errors else HTTPStatus.OK, errors=errors)
