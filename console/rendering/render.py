"""Renders the Jinja templates, with autoescape."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from console.access.cookies import session_secret
from console.access.csrf import csrf_field
from console.rendering.flash import flashes_of, forget_flash
from console.rendering.jinja_filters import FILTERS, GLOBALS
from operations.accounts.person import Person

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
#: The theme that the reader chose; without it the page follows `prefers-color-scheme`.
_THEME_COOKIE: Final = "spendgate_theme"
_THEMES: Final = ("light", "dark")


def page(
    request: Request,
    template: str,
    *,
    person: Person | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    new_secret: str | None = None,
    **values: Any,
) -> Response:
    """A page; `new_secret` is that of a session which begins with it.

    Beside `values` a template has `person` (None: nobody is signed in), `csrf_field` for forms, `flashes`,
    `path`, `theme`, and the filters and globals of jinja_filters."""
    theme = request.cookies.get(_THEME_COOKIE)
    secret = new_secret or (session_secret(request) if person else None) or ""
    text = _templates.get_template(template).render(
        person=person,
        flashes=flashes_of(request),
        csrf_field=csrf_field(secret),
        path=request.url.path,
        theme=theme if theme in _THEMES else None,
        has_spend_form=request.app.state.has_spend_form,
        **values,
    )
    response = HTMLResponse(text, status, headers)
    forget_flash(request, response)
    return response


def part(name: str, *values: Any, **named: Any) -> str:
    """A macro of live_parts.html, which pages include and event streams send again."""
    macro = getattr(_templates.get_template("live_parts.html").module, name)
    return str(macro(*values, **named)).strip()


def fragment(template: str, **values: Any) -> str:
    """A template that is a part of a page and uses `values` alone."""
    return _templates.get_template(template).render(**values)
