"""The addresses of the pages of a list: each begins after a key."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from starlette.requests import Request

__all__ = ["PAGE_ROWS", "filter_number", "filter_text", "first_page", "next_page", "page_links"]

_Row = TypeVar("_Row")

PAGE_ROWS: Final = 50
_AFTER: Final = "after"


def filter_text(query: Mapping[str, str], name: str) -> str | None:
    """The text of a filter, without blanks around it; None where it is blank. NULs are dropped, PostgreSQL has none."""
    return query.get(name, "").replace("\0", "").strip() or None


def filter_number(query: Mapping[str, str], name: str) -> int | None:
    """The number of a filter; None where the text is no number."""
    text = filter_text(query, name)
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def page_links(request: Request, rows: Sequence[_Row], key: Callable[[_Row], str | int]) -> dict[str, Any]:
    """`first_url` and `next_url` for a template that shows the first PAGE_ROWS of `rows`; one row more has a next page,
    which begins after the `key` of the last row that is shown."""
    after = str(key(rows[PAGE_ROWS - 1])) if len(rows) > PAGE_ROWS else None
    return {"first_url": first_page(request), "next_url": next_page(request, after)}


def next_page(request: Request, after: str | None) -> str | None:
    """The address of the next page; None on the last."""
    return None if after is None else _address(request, {_AFTER: after})


def first_page(request: Request) -> str | None:
    """The address of the first page; None on the first."""
    return _address(request, {}) if request.query_params.get(_AFTER) else None


def _address(request: Request, more: Mapping[str, str]) -> str:
    url = request.url.remove_query_params(_AFTER).include_query_params(**more)
    return f"{url.path}?{url.query}" if url.query else url.path
