"""Pages of lists, as addresses: the next one begins after a key."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request

__all__ = ["PAGE_ROWS", "first_page", "next_page", "number_wanted", "wanted"]

PAGE_ROWS: Final = 50
_AFTER: Final = "after"


def wanted(query: Mapping[str, str], name: str) -> str | None:
    """What a filter asks for; a blank one asks for nothing. No text of the database holds a NUL."""
    return query.get(name, "").replace("\0", "").strip() or None


def number_wanted(query: Mapping[str, str], name: str) -> int | None:
    """The same for a number; what is none asks for nothing."""
    text = wanted(query, name)
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def next_page(request: Request, after: str | None) -> str | None:
    """None where this is the last one."""
    return None if after is None else _address(request, {_AFTER: after})


def first_page(request: Request) -> str | None:
    """None where this is it."""
    return _address(request, {}) if request.query_params.get(_AFTER) else None


def _address(request: Request, more: Mapping[str, str]) -> str:
    url = request.url.remove_query_params([_AFTER, "said"]).include_query_params(**more)
    return f"{url.path}?{url.query}" if url.query else url.path
