"""Flash messages: what a page says of the edit that led to it, once. A cookie carries a word of a fixed list, no text,
from the answer to the form to the page that is loaded next; that page takes it away."""

from http import HTTPStatus
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

__all__ = ["SAVED", "Flash", "flash_redirect", "flashes_of", "forget_flash"]

_COOKIE: Final = "spendgate_flash"
#: A page that is loaded later than this does not belong to the edit.
_SECONDS: Final = 60


class Flash(NamedTuple):
    kind: str
    text: str


SAVED: Final = "saved"
_FLASHES: Final = {
    SAVED: Flash("done", "Saved, and the broker has it."),
    "added": Flash("done", "Added, and the broker has it."),
    "kept": Flash(
        "warning",
        "Saved, but the broker has not answered in time. It is published as soon as the broker is back; "
        "until then the controller decides by what it had before.",
    ),
    "password": Flash("done", "The new password holds; every other browser is signed out."),
    "done": Flash("done", "Done; it holds from now on."),
    "revoked": Flash("done", "The token is revoked: it opens nothing any more."),
    "replayed": Flash("done", "The original was published again."),
    "tested": Flash("done", "The test has arrived."),
    "view_saved": Flash("done", "The view is saved: it stands above the list, for you alone."),
    "view_deleted": Flash("done", "The view is deleted."),
    "dropped": Flash("done", "The dead letter is dropped: it is shown no more."),
}


def flash_redirect(address: str, word: str) -> Response:
    """Answer a form with a redirect to `address`, which shows the message; loading that page again sends the form no
    more."""
    response = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    response.set_cookie(_COOKIE, word, max_age=_SECONDS, httponly=True, samesite="lax")
    return response


def flashes_of(request: Request) -> list[Flash]:
    flash = _FLASHES.get(request.cookies.get(_COOKIE, ""))
    return [flash] if flash else []


def forget_flash(request: Request, response: Response) -> None:
    """Delete the cookie of a message that a page has shown."""
    if _COOKIE in request.cookies:
        response.delete_cookie(_COOKIE, httponly=True, samesite="lax")
