"""Signing in and out."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import RedirectResponse

from console.access.authentication import RETRY_AFTER_SECONDS, SignInRefused, TooManyAttempts
from console.access.cookies import clear_session, device_token, session_secret, set_device, set_session
from console.access.csrf import is_same_origin
from console.access.rights import Forbidden, PageViewer, safe_next
from console.access.unsent_form import UnsentForm
from console.rendering.render import page
from console.server.queries import PageQuery
from console.server.services import Served

__all__ = ["address_of", "router"]

router = APIRouter(include_in_schema=False)

NextQuery = Annotated[Mapping[str, str], Depends(PageQuery("next"))]


@router.get("/sign-in")
async def form(request: Request, query: NextQuery) -> Response:
    return _form(request, query.get("next"))


@router.post("/sign-in")
async def sign_in(request: Request, services: Served) -> Response:
    """Opens a session with a new secret; the browser's former session ends."""
    if not is_same_origin(request):
        raise Forbidden("The form is not from here: load the page again.")
    sent = await request.form()
    unsent = UnsentForm.of_sign_in(sent)
    name, password, next_path = (str(sent.get(field, "")) for field in ("name", "password", "next"))
    try:
        signed_in = await services.authenticator.sign_in(name, password, address_of(request), device_token(request))
    except SignInRefused as error:
        return _form(request, next_path, name, str(error), HTTPStatus.UNAUTHORIZED, unsent)
    except TooManyAttempts as error:
        return _form(request, next_path, name, str(error), HTTPStatus.TOO_MANY_REQUESTS, unsent)
    if before := session_secret(request):
        await services.authenticator.sign_out(before)
    response: Response = RedirectResponse(safe_next(next_path), HTTPStatus.SEE_OTHER)
    if unsent:
        unsent = unsent._replace(path=safe_next(unsent.path))
        response = page(request, "unsent.html", new_secret=signed_in.secret, unsent=unsent)
    set_session(request, response, signed_in.secret)
    set_device(request, response, signed_in.device)
    return response


@router.post("/sign-out")
async def sign_out(request: Request, _: PageViewer, services: Served) -> Response:
    if secret := session_secret(request):
        await services.authenticator.sign_out(secret)
    return _signed_out(request)


@router.post("/sign-out-everywhere")
async def sign_out_everywhere(request: Request, person: PageViewer, services: Served) -> Response:
    """Sign the person out in this and all other browsers."""
    await services.authenticator.sign_out_everywhere(person.name)
    return _signed_out(request)


def address_of(request: Request) -> str:
    """The client's address, by which attempts to sign in are counted."""
    return request.client.host if request.client else ""


def _signed_out(request: Request) -> Response:
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    clear_session(request, response)
    return response


def _form(
    request: Request,
    next_path: str | None,
    name: str = "",
    error: str = "",
    status: HTTPStatus = HTTPStatus.OK,
    unsent: UnsentForm | None = None,
) -> Response:
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if status is HTTPStatus.TOO_MANY_REQUESTS else None
    values: dict[str, Any] = {"next": safe_next(next_path), "name": name[:64], "error": error, "unsent": unsent}
    return page(request, "sign_in.html", status=status, headers=headers, **values)
