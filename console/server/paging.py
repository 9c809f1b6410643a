"""Pages of lists: each begins after a key, so that no row is listed twice while rows are added."""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Annotated, Final

import msgspec
from fastapi import Path, Query, Response
from pydantic import BeforeValidator

from console.rendering.ids_in_addresses import from_address
from console.server.services import Services
from models.queries.paging import decode_cursor, encode_cursor

__all__ = [
    "LIMIT_MAX",
    "BrandId",
    "CampaignId",
    "Cursor",
    "Limit",
    "QueryDay",
    "find_ids",
    "json_answer",
    "page_in_memory",
    "page_of",
]

LIMIT_MAX: Final = 500
#: For the OpenAPI document; `operations.validation` checks.
ID_PATTERN: Final = "^~?[A-Za-z0-9._:-]{1,64}$"
#: Of a search, between two turns of other requests.
_SLICE_SECONDS: Final = 0.002


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise ValueError("write a date such as 2025-09-08")
    return day


_IN_PATH: Final = Path(
    json_schema_extra={"pattern": ID_PATTERN},
    description="May have a `~` before it; `.` and `..` must, because clients take them out of an address.",
)
BrandId = Annotated[str, BeforeValidator(from_address), _IN_PATH]
CampaignId = Annotated[str, BeforeValidator(from_address), _IN_PATH]
Cursor = Annotated[
    str | None, Query(description="`next` of the page before; the first page without.", max_length=2_000)
]
#: A date; without the validator pydantic would read a number as seconds since 1970.
QueryDay = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many at most.")]


async def page_in_memory(
    services: Services,
    kind: str,
    ids: Sequence[str],
    view: Callable[[str], bytes | None],
    *,
    cursor: str | None,
    limit: int,
    matches: Callable[[str], bool] | None,
) -> Response:
    """A page of those `ids` that match; None: all of them do. `ids` are in ascending order.

    `kind` names the list in its cursors: a cursor of another list is Refused.
    """
    after = None if cursor is None else str(decode_cursor(kind, cursor, (str,))[0])
    if matches is None:
        found = await find_ids(ids, lambda _: True, after=after, most=limit + 1)
    else:
        async with services.sharing.search():
            found = await find_ids(ids, matches, after=after, most=limit + 1)
    texts = [text for an_id in found[:limit] if (text := view(an_id)) is not None]
    return page_of(texts, encode_cursor(kind, [found[limit - 1]]) if len(found) > limit else None)


async def find_ids(ids: Sequence[str], matches: Callable[[str], bool], *, after: str | None, most: int) -> list[str]:
    """The first `most` ids above `after` that match. A search may pass a million ids: it runs in slices, so that other
    requests are answered meanwhile, and ids may be added between two slices."""
    found: list[str] = []
    number = 0 if after is None else bisect_right(ids, after)
    slice_ends_at = time.perf_counter() + _SLICE_SECONDS
    while number < len(ids) and len(found) < most:
        an_id = ids[number]
        if matches(an_id):
            found.append(an_id)
        number += 1
        if time.perf_counter() > slice_ends_at:
            await asyncio.sleep(0)
            number = bisect_right(ids, an_id)
            slice_ends_at = time.perf_counter() + _SLICE_SECONDS
    return found


def page_of(items: Iterable[bytes], cursor: str | None) -> Response:
    return Response(
        b'{"items":[' + b",".join(items) + b'],"next":' + msgspec.json.encode(cursor) + b"}",
        media_type="application/json",
    )


def json_answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, "application/json")
