"""Pages from templates. Everything that is put into one is escaped."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from console.access.cookies import session_secret
from console.access.csrf import csrf_field, csrf_mark
from console.access.person import Person

__all__ = ["STATIC_FOLDER", "page"]

_FOLDER: Final = Path(__file__).parent
STATIC_FOLDER: Final = _FOLDER / "static"
_templates: Final = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    request: Request,
    template: str,
    *,
    person: Person | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """A page. Templates have `person` (None: nobody is signed in), `csrf_field` for forms, `csrf_mark` for scripts."""
    secret = (session_secret(request) if person else None) or ""
    text = _templates.get_template(template).render(
        person=person,
        csrf_field=csrf_field(secret),
        csrf_mark=csrf_mark(secret),
        path=request.url.path,
        **values,
    )
    return HTMLResponse(text, status, headers)
