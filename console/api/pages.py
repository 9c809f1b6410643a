"""Pages of lists that lie in memory: they begin behind a key, so nothing is told twice while the list grows."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Final

import msgspec
from fastapi import Path, Query, Response

from models.paging import decode_cursor, encode_cursor

__all__ = ["LIMIT_MAX", "BrandId", "CampaignId", "Cursor", "Limit", "json_answer", "page_in_memory", "page_of"]

LIMIT_MAX: Final = 500
#: Only told; the rule is that of `console.validation`.
ID_PATTERN: Final = "^[A-Za-z0-9._:-]{1,64}$"
_LIMIT: Final = 50

BrandId = Annotated[str, Path(json_schema_extra={"pattern": ID_PATTERN})]
CampaignId = Annotated[str, Path(json_schema_extra={"pattern": ID_PATTERN})]
Cursor = Annotated[
    str | None, Query(description="`next` of the page before; the first page without.", max_length=2_000)
]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many at most.")]


def page_in_memory(
    kind: str,
    ids: Sequence[str],
    view: Callable[[str], bytes | None],
    *,
    cursor: str | None,
    limit: int,
    fits: Callable[[str], bool],
) -> Response:
    """`ids` are in order. `kind` names the list, because a place in one is none in another."""
    start = 0 if cursor is None else bisect_right(ids, str(decode_cursor(kind, cursor, (str,))[0]))
    found: list[bytes] = []
    last = ""
    for number in range(start, len(ids)):
        if not fits(ids[number]):
            continue
        if len(found) == limit:
            return page_of(found, encode_cursor(kind, [last]))
        if (text := view(ids[number])) is not None:
            found.append(text)
            last = ids[number]
    return page_of(found, None)


def page_of(items: Iterable[bytes], cursor: str | None) -> Response:
    return Response(
        b'{"items":[' + b",".join(items) + b'],"next":' + msgspec.json.encode(cursor) + b"}",
        media_type="application/json",
    )


def json_answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, "application/json")
