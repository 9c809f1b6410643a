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
from console.web.looks import FILTERS, GLOBALS
from console.web.said import flashes_of

__all__ = ["STATIC_FOLDER", "fragment", "page", "part"]

_FOLDER: Final = Path(__file__).parent
STATIC_FOLDER: Final = _FOLDER / "static"
_templates: Final = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update(FILTERS)
_templates.globals.update(GLOBALS)
#: What the reader chose, else the page follows the machine's own choice.
_THEME_COOKIE: Final = "spendgate_theme"
_THEMES: Final = ("light", "dark")


def page(
    request: Request,
    template: str,
    *,
    person: Person | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """A page. Templates know all of looks.py; they have `person` (None: nobody is signed in), `csrf_field` for forms,
    `csrf_mark` for scripts."""
    theme = request.cookies.get(_THEME_COOKIE)
    secret = (session_secret(request) if person else None) or ""
    text = _templates.get_template(template).render(
        person=person,
        flashes=flashes_of(request.query_params),
        csrf_field=csrf_field(secret),
        csrf_mark=csrf_mark(secret),
        path=request.url.path,
        theme=theme if theme in _THEMES else None,
        **values,
    )
    return HTMLResponse(text, status, headers)


def part(name: str, *values: Any, **named: Any) -> str:
    """A macro of live_parts.html: what a page holds is written the same way when it changes later."""
    macro = getattr(_templates.get_template("live_parts.html").module, name)
    return str(macro(*values, **named)).strip()


def fragment(template: str, **values: Any) -> str:
    """A piece of a page that has a file of its own and needs nobody signed in."""
    return _templates.get_template(template).render(**values)
