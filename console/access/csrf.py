"""Protection against cross-site request forgery.

The token in a form is an HMAC keyed by the session's secret, which no other site knows; nothing is stored for it.
"""

import hashlib
import hmac
from html import escape
from typing import Final

from markupsafe import Markup
from starlette.requests import Request

__all__ = ["FIELD", "FIELDS_MAX", "HEADER", "csrf_field", "csrf_token", "has_valid_token", "is_same_origin"]

FIELD: Final = "csrf"
HEADER: Final = "x-csrf-token"
#: Enough for the largest form, a schedule of 500 windows. The first reader of a form sets the limit: the token check.
FIELDS_MAX: Final = 5_000
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


def csrf_token(secret: str) -> str:
    return hmac.new(secret.encode(errors="surrogatepass"), b"spendgate form", hashlib.sha256).hexdigest()


def csrf_field(secret: str) -> Markup:
    """The hidden input for the form of a signed-in person."""
    return Markup(f'<input type="hidden" name="{FIELD}" value="{escape(csrf_token(secret))}">')  # noqa: S704


async def has_valid_token(request: Request, secret: str) -> bool:
    """Whether the request has the token of this session, in the header or in the field of a form."""
    token = request.headers.get(HEADER)
    if token is None and request.headers.get("content-type", "").startswith(_FORMS):
        token = str((await request.form(max_fields=FIELDS_MAX)).get(FIELD, ""))
    return token is not None and hmac.compare_digest(token.encode(errors="replace"), csrf_token(secret).encode())


def is_same_origin(request: Request) -> bool:
    """Whether the request comes from our own pages, by `Sec-Fetch-Site` or `Origin`, which browsers send; a program
    sends neither and has no cookie to be misused."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")
