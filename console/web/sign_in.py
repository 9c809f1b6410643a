"""Signing in and out."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from console.access.cookies import clear_session, session_secret, set_session
from console.access.csrf import is_from_here
from console.access.gate import RETRY_AFTER_SECONDS, SignInRefused, TooManyAttempts
from console.access.rights import Forbidden, PageViewer, safe_next
from console.api.services import Served
from console.web.render import page

__all__ = ["address_of", "router"]

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
async def form(request: Request) -> Response:
    return _form(request, request.query_params.get("next"))


@router.post("/sign-in")
async def sign_in(request: Request, services: Served) -> Response:
    """A session that is already there is given up: the new one has a secret of its own."""
    if not is_from_here(request):
        raise Forbidden("The form is not from here: load the page again.")
    sent = await request.form()
    name, password, wanted = (str(sent.get(field, "")) for field in ("name", "password", "next"))
    try:
        secret = await services.gate.sign_in(name, password, address_of(request))
    except SignInRefused as error:
        return _form(request, wanted, name, str(error), HTTPStatus.UNAUTHORIZED)
    except TooManyAttempts as error:
        return _form(request, wanted, name, str(error), HTTPStatus.TOO_MANY_REQUESTS)
    if before := session_secret(request):
        await services.gate.sign_out(before)
    response = RedirectResponse(safe_next(wanted), HTTPStatus.SEE_OTHER)
    set_session(request, response, secret)
    return response


@router.post("/sign-out")
async def sign_out(request: Request, _: PageViewer, services: Served) -> Response:
    if secret := session_secret(request):
        await services.gate.sign_out(secret)
    return _signed_out(request)


@router.post("/sign-out-everywhere")
async def sign_out_everywhere(request: Request, person: PageViewer, services: Served) -> Response:
    """In this and all other browsers."""
    await services.gate.sign_out_everywhere(person.name)
    return _signed_out(request)


def address_of(request: Request) -> str:
    """Of whoever asks, by which attempts are counted."""
    return request.client.host if request.client else ""


def _signed_out(request: Request) -> Response:
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    clear_session(request, response)
    return response


def _form(
    request: Request, wanted: str | None, name: str = "", error: str = "", status: HTTPStatus = HTTPStatus.OK
) -> Response:
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if status is HTTPStatus.TOO_MANY_REQUESTS else None
    return page(
        request, "sign_in.html", status=status, headers=headers, next=safe_next(wanted), name=name[:64], error=error
    )
