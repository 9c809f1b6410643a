"""Forms and scripts of other sites cannot act for whoever is signed in.

The mark that a form carries is made of the session's own secret, which no other site knows: nothing is stored for it.
"""

import hashlib
import hmac
from html import escape
from typing import Final

from markupsafe import Markup
from starlette.requests import Request

__all__ = ["FIELD", "FIELDS_MAX", "HEADER", "csrf_field", "csrf_mark", "has_right_mark", "is_from_here"]

FIELD: Final = "csrf"
HEADER: Final = "x-csrf-token"
#: Of the largest form, the 500 windows that a schedule may have. A form is read once, and the mark is looked for first.
FIELDS_MAX: Final = 5_000
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


def csrf_mark(secret: str) -> str:
    return hmac.new(secret.encode(errors="surrogatepass"), b"spendgate form", hashlib.sha256).hexdigest()


def csrf_field(secret: str) -> Markup:
    """The hidden field that each form of a signed-in person has."""
    return Markup(f'<input type="hidden" name="{FIELD}" value="{escape(csrf_mark(secret))}">')  # noqa: S704


async def has_right_mark(request: Request, secret: str) -> bool:
    """In the header, or in the field of a form."""
    mark = request.headers.get(HEADER)
    if mark is None and request.headers.get("content-type", "").startswith(_FORMS):
        mark = str((await request.form(max_fields=FIELDS_MAX)).get(FIELD, ""))
    return mark is not None and hmac.compare_digest(mark.encode(errors="replace"), csrf_mark(secret).encode())


def is_from_here(request: Request) -> bool:
    """What the browser says of where a request comes from; programs, which say nothing, have no cookies to misuse."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")
