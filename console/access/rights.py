"""Dependencies of routes: who asks, and whether that is enough. For the API a refusal is a problem document, for pages
it is the sign-in page.

    async def show(person: Viewer) -> Response: ...          # API: 401, 403
    async def form(person: PageOperator) -> Response: ...    # pages: to the sign-in page, 403
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Depends, Request

from console.access.cookies import session_secret
from console.access.csrf import has_right_mark, is_from_here
from console.access.gate import Gate
from console.access.person import How, Person, Role

__all__ = [
    "Forbidden",
    "NotSignedIn",
    "Operator",
    "PageAdmin",
    "PageOperator",
    "PageViewer",
    "SignInFirst",
    "Viewer",
    "note_person",
    "operator",
    "page_admin",
    "page_operator",
    "page_viewer",
    "person_of",
    "safe_next",
    "viewer",
]

_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_SIGN_IN: Final = "/sign-in"


class NotSignedIn(Exception):
    """Sign in, or send a token: `Authorization: Bearer …`."""


class Forbidden(Exception):
    """This needs more rights than you have."""


class SignInFirst(Exception):
    """Where the browser is to go."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


async def person_of(request: Request) -> Person | None:
    """The person behind the token or the cookie, None for nobody. A changing request by cookie must be from here."""
    gate = _gate(request)
    authorization = request.headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        return await gate.person_of_token(token.strip()) if scheme.lower() == "bearer" else None
    secret = session_secret(request)
    person = await note_person(request)
    if person and secret and request.method not in _SAFE_METHODS:
        await _check_origin(request, secret)
    return person


async def note_person(request: Request) -> Person | None:
    """Who has signed in; `request.state.person`, for the page of a problem. May look, and no more."""
    secret = session_secret(request)
    request.state.person = await _gate(request).person_of_session(secret) if secret else None
    person: Person | None = request.state.person
    return person


def _gate(request: Request) -> Gate:
    gate: Gate = request.app.state.services.gate
    return gate


def safe_next(target: str | None) -> str:
    """A path of ours, whatever a link asks for: `//evil.example` and `/\\evil.example` are addresses of others."""
    if not target or not target.startswith("/") or target[1:2] in ("/", "\\") or not target.isprintable():
        return "/"
    return target


async def _check_origin(request: Request, secret: str) -> None:
    if not is_from_here(request) or not await has_right_mark(request, secret):
        raise Forbidden("The form is not from here or has expired: load the page again.")


def _needs(role: Role) -> Callable[[Request], Awaitable[Person]]:
    async def dependency(request: Request) -> Person:
        person = await person_of(request)
        if person is None:
            raise NotSignedIn(NotSignedIn.__doc__)
        if not person.may(role):
            raise Forbidden(_too_little(person, role))
        return person

    return dependency


def _page_needs(role: Role) -> Callable[[Request], Awaitable[Person]]:
    async def dependency(request: Request) -> Person:
        person = await person_of(request)
        if person is None or person.how is not How.SESSION:
            raise SignInFirst(f"{_SIGN_IN}?next={quote(_asked_for(request), safe='/')}")
        if not person.may(role):
            raise Forbidden(_too_little(person, role))
        return person

    return dependency


def _asked_for(request: Request) -> str:
    """Only what can be asked again by a link."""
    if request.method not in _SAFE_METHODS:
        return "/"
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def _too_little(person: Person, role: Role) -> str:
    return f"This needs the role {role}; {person.name} is {person.role}."


viewer: Final = _needs(Role.VIEWER)
operator: Final = _needs(Role.OPERATOR)
page_viewer: Final = _page_needs(Role.VIEWER)
page_operator: Final = _page_needs(Role.OPERATOR)
page_admin: Final = _page_needs(Role.ADMIN)

Viewer = Annotated[Person, Depends(viewer)]
Operator = Annotated[Person, Depends(operator)]
PageViewer = Annotated[Person, Depends(page_viewer)]
PageOperator = Annotated[Person, Depends(page_operator)]
PageAdmin = Annotated[Person, Depends(page_admin)]
