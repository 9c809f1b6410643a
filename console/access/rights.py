"""Dependencies that authenticate a request and require a role. The API answers a refusal with a problem document, pages
with a redirect to the sign-in page.

    async def show(person: Viewer) -> Response: ...          # API: 401, 403
    async def form(person: PageOperator) -> Response: ...    # pages: to the sign-in page, 403
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Depends, Request

from console.access.authentication import Authenticator
from console.access.cookies import session_secret
from console.access.csrf import has_valid_token, is_same_origin
from console.access.unsent_form import UnsentForm
from core.errors import SpendgateError
from operations.accounts.person import Credential, Person, Role

__all__ = [
    "Admin",
    "Forbidden",
    "NotSignedIn",
    "Operator",
    "PageAdmin",
    "PageOperator",
    "PageViewer",
    "SignInFirst",
    "Viewer",
    "admin",
    "authenticated_person",
    "operator",
    "page_admin",
    "page_operator",
    "page_viewer",
    "safe_next",
    "session_person",
    "viewer",
]

_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_SIGN_IN: Final = "/sign-in"


class NotSignedIn(SpendgateError):
    """Sign in, or send a token: `Authorization: Bearer …`."""

    http_status = HTTPStatus.UNAUTHORIZED


class Forbidden(SpendgateError):
    """This needs more rights than you have."""

    http_status = HTTPStatus.FORBIDDEN


class SignInFirst(SpendgateError):
    """Nobody has signed in; `location` is the address of the sign-in page that leads back here. A form that was sent is
    `unsent`."""

    http_status = HTTPStatus.SEE_OTHER

    def __init__(self, location: str, unsent: UnsentForm | None = None) -> None:
        super().__init__(location)
        self.location = location
        self.unsent = unsent


async def authenticated_person(request: Request) -> Person | None:
    """The person of the bearer token or the session cookie, else None.

    A request by cookie whose method is not safe must come from our own origin with the CSRF token, else Forbidden.
    """
    authenticator = _authenticator(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":  # other schemes are for a proxy in front of us
        return await authenticator.person_of_token(token.strip())
    secret = session_secret(request)
    person = await session_person(request)
    if person and secret and request.method not in _SAFE_METHODS:
        await _check_origin(request, secret)
    return person


async def session_person(request: Request) -> Person | None:
    """The person of the session cookie, kept in `request.state.person` for problem pages; allows no change."""
    secret = session_secret(request)
    request.state.person = await _authenticator(request).person_of_session(secret) if secret else None
    person: Person | None = request.state.person
    return person


def _authenticator(request: Request) -> Authenticator:
    authenticator: Authenticator = request.app.state.services.authenticator
    return authenticator


def safe_next(target: str | None) -> str:
    """`target` where it is a path of this server, else `/`: `//evil.example` and `/\\evil.example` lead elsewhere."""
    if not target or not target.startswith("/") or target[1:2] in ("/", "\\") or not target.isprintable():
        return "/"
    return target


async def _check_origin(request: Request, secret: str) -> None:
    if not is_same_origin(request) or not await has_valid_token(request, secret):
        raise Forbidden("The form is not from here or has expired: load the page again.")


def _needs(role: Role) -> Callable[[Request], Awaitable[Person]]:
    async def dependency(request: Request) -> Person:
        person = await authenticated_person(request)
        if person is None:
            raise NotSignedIn
        if not person.may(role):
            raise Forbidden(_too_little(person, role))
        return person

    return dependency


def _page_needs(role: Role) -> Callable[[Request], Awaitable[Person]]:
    async def dependency(request: Request) -> Person:
        person = await authenticated_person(request)
        if person is None or person.credential is not Credential.SESSION:
            location = f"{_SIGN_IN}?next={quote(_requested_path(request), safe='/')}"
            raise SignInFirst(location, await UnsentForm.of_request(request))
        if not person.may(role):
            raise Forbidden(_too_little(person, role))
        return person

    return dependency


def _requested_path(request: Request) -> str:
    """The path and query to return to after signing in; `/` for a form, which a link cannot send again."""
    if request.method not in _SAFE_METHODS:
        return "/"
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def _too_little(person: Person, role: Role) -> str:
    return f"This needs the role {role}; {person.name} is {person.role}."


viewer: Final = _needs(Role.VIEWER)
operator: Final = _needs(Role.OPERATOR)
admin: Final = _needs(Role.ADMIN)
page_viewer: Final = _page_needs(Role.VIEWER)
page_operator: Final = _page_needs(Role.OPERATOR)
page_admin: Final = _page_needs(Role.ADMIN)

Viewer = Annotated[Person, Depends(viewer)]
Operator = Annotated[Person, Depends(operator)]
Admin = Annotated[Person, Depends(admin)]
PageViewer = Annotated[Person, Depends(page_viewer)]
PageOperator = Annotated[Person, Depends(page_operator)]
PageAdmin = Annotated[Person, Depends(page_admin)]
