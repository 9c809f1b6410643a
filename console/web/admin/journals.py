"""The spend log and the command journal: read only, filtered, and as CSV however long they are."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import StreamingResponse

from console.access.rights import PageViewer
from console.api.services import Served, Services
from console.journal import spend_view
from console.reason_words import REASON_WORDS
from console.web.admin.database import look
from console.web.admin.filters import COMMANDS, SPEND, Filters, read_filters
from console.web.admin.paging import PAGE_ROWS, first_page, next_page, wanted
from console.web.csv_export import csv_pieces
from console.web.render import page
from models.command_reads import Journaled, list_commands
from models.control_log import ControlLog
from models.ledger_reads import list_spend
from models.paging import Page
from models.session import session_scope
from streams.core.moment import format_moment
from streams.errors import RefusedValue

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_Row = TypeVar("_Row")
#: The page that begins behind a cursor, of at most so many rows.
Read = Callable[[Session, str | None, int], Page[_Row]]

_EXPORT_ROWS: Final = 1_000
_SPEND_COLUMNS: Final = (
    "booked_day",
    "arrived_at",
    "occurred_at",
    "brand_id",
    "campaign_id",
    "event_id",
    "amount",
    "currency",
    "refused",
    "refused_because",
    "topic",
    "partition",
    "offset",
    "attributes",
)
_COMMAND_COLUMNS: Final = (
    "decided_at",
    "action",
    "campaign_id",
    "brand_id",
    "reasons",
    "epoch",
    "sequence",
    "cause_kind",
    "cause_event_id",
    "cause_topic",
    "cause_partition",
    "cause_offset",
    "topic",
    "partition",
    "offset",
)


@router.get("/spend")
async def spend(request: Request, person: PageViewer, services: Served) -> Response:
    filters = read_filters(SPEND, request.query_params)
    found = await _page_of(request, services, filters, _spend_reader(request, filters))
    return page(
        request,
        "catalog/spend.html",
        person=person,
        filters=filters,
        show=_shown(request),
        rows=found.rows,
        csv_url=f"/spend.csv?{request.url.query}",
        first_url=first_page(request),
        next_url=next_page(request, found.after),
    )


@router.get("/spend.csv")
async def spend_csv(request: Request, _: PageViewer, services: Served) -> Response:
    read = _spend_reader(request, _good(read_filters(SPEND, request.query_params)))
    rows = ((_cell(spend_view(it)[name]) for name in _SPEND_COLUMNS) for it in await _all(services, read))
    return _csv("spend", _SPEND_COLUMNS, rows)


@router.get("/commands")
async def commands(request: Request, person: PageViewer, services: Served) -> Response:
    filters = read_filters(COMMANDS, request.query_params)
    found = await _page_of(request, services, filters, _command_reader(filters))
    return page(
        request,
        "catalog/commands.html",
        person=person,
        filters=filters,
        reasons=[("", "Any"), *REASON_WORDS.items()],
        rows=found.rows,
        csv_url=f"/commands.csv?{request.url.query}",
        first_url=first_page(request),
        next_url=next_page(request, found.after),
    )


@router.get("/commands.csv")
async def commands_csv(request: Request, _: PageViewer, services: Served) -> Response:
    read = _command_reader(_good(read_filters(COMMANDS, request.query_params)))
    rows = (map(_cell, _command_cells(it.command)) for it in await _all(services, read))
    return _csv("commands", _COMMAND_COLUMNS, rows)


def _spend_reader(request: Request, filters: Filters) -> Read[Any]:
    """What counts or, where it is asked for, what was refused, or both."""
    show = _shown(request)

    def read(session: Session, after: str | None, limit: int) -> Page[Any]:
        return list_spend(
            session,
            counted=show == "counted",
            only_refused=show == "refused",
            after=after,
            limit=limit,
            **filters.values,
        )

    return read


def _shown(request: Request) -> str:
    show = request.query_params.get("show", "")
    return show if show in ("refused", "all") else "counted"


def _command_reader(filters: Filters) -> Read[Journaled]:
    def read(session: Session, after: str | None, limit: int) -> Page[Journaled]:
        return list_commands(session, after=after, limit=limit, **filters.values)

    return read


async def _page_of(request: Request, services: Services, filters: Filters, read: Read[_Row]) -> Page[_Row]:
    """Nothing is looked for while a filter is wrong: the page says what to write instead."""
    if filters.errors:
        return Page([], None)
    after = wanted(request.query_params, "after")
    return await look(services, lambda session: read(session, after, PAGE_ROWS))


def _good(filters: Filters) -> Filters:
    for error in filters.errors.values():
        raise RefusedValue(error)
    return filters


async def _all(services: Services, read: Read[_Row]) -> Iterator[_Row]:
    """The first rows are read before the answer begins: should PostgreSQL be away, that is told and no file is cut."""
    first = await look(services, lambda session: read(session, None, _EXPORT_ROWS))
    return chain(first.rows, _others(services.settings.database, read, first.after))


def _others(url: str, read: Read[_Row], after: str | None) -> Iterator[_Row]:
    """Page by page, each in a transaction of its own, so that a slow reader holds none open."""
    while after is not None:
        with session_scope(url) as session:
            found = read(session, after, _EXPORT_ROWS)
        yield from found.rows
        after = found.after


def _csv(name: str, header: tuple[str, ...], rows: Iterable[Iterable[str]]) -> Response:
    return StreamingResponse(
        csv_pieces(header, (list(row) for row in rows)),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="spendgate-{name}.csv"'},
    )


def _command_cells(command: ControlLog) -> list[object]:
    cause: Mapping[str, Any] = (command.message or {}).get("cause") or {}  # type: ignore[assignment]
    return [
        format_moment(command.decided_at),
        command.action,
        command.campaign_id,
        command.brand_id,
        " ".join(command.reasons),
        command.epoch,
        command.sequence,
        *(cause.get(name) for name in ("kind", "event_id", "topic", "partition", "offset")),
        command.topic,
        command.partition,
        command.record_offset,
    ]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)
