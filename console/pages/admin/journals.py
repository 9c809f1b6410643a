"""The pages of the spend log, the command journal and everybody's edits, with filters and CSV export of any length."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from console.access.rights import PageViewer
from console.pages.admin.catalog_access import read_catalog
from console.pages.admin.filters import CHANGES, COMMANDS, SPEND, Filters, Reader, read_filters
from console.pages.admin.history import FIELD_LABELS, MONEY_FIELDS, history_entry
from console.pages.admin.paging import PAGE_ROWS, filter_text, first_page, next_page
from console.pages.csv_answer import csv_answer
from console.rendering.render import page
from console.server.queries import PageQuery
from console.server.services import Served, Services
from core.errors import RefusedValue
from core.moment import format_moment
from models.queries.acks import acknowledgements
from models.queries.catalog import list_changes
from models.queries.commands import list_commands
from models.queries.paging import Page
from models.queries.spend import list_spend
from models.session import session_scope
from models.tables.catalog_change import CatalogChange
from models.tables.control_log import ControlLog
from operations.journal import spend_view
from operations.reason_words import REASON_WORDS

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_COUNTED: Final = "counted"
SpendQuery = Annotated[Mapping[str, str], Depends(PageQuery(*SPEND, "after", show=[_COUNTED, "refused", "all"]))]
CommandsQuery = Annotated[Mapping[str, str], Depends(PageQuery(*COMMANDS, "after"))]
ChangesQuery = Annotated[Mapping[str, str], Depends(PageQuery(*CHANGES, "after"))]

_Row = TypeVar("_Row")
#: Returns a page of rows: (session, cursor, limit).
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
_CHANGE_COLUMNS: Final = (
    "changed_at",
    "actor",
    "kind",
    "brand_id",
    "campaign_id",
    "field",
    "from",
    "to",
    "note",
    "currency",
)


@router.get("/spend")
async def spend(request: Request, query: SpendQuery, person: PageViewer, services: Served) -> Response:
    filters = read_filters(SPEND, query)
    found = await _page_of(query, services, filters, _spend_reader(query, filters))
    return page(
        request,
        "catalog/spend.html",
        person=person,
        filters=filters,
        show=query.get("show") or _COUNTED,
        rows=found.rows,
        csv_url=f"/spend.csv?{request.url.query}",
        first_url=first_page(request),
        next_url=next_page(request, found.after),
    )


@router.get("/spend.csv")
async def spend_csv(query: SpendQuery, person: PageViewer, services: Served) -> Response:
    read = _spend_reader(query, _exported(query, SPEND))
    rows = ((_cell(spend_view(it)[name]) for name in _SPEND_COLUMNS) for it in await _all_rows(services, read))
    return csv_answer("spend", _SPEND_COLUMNS, rows, partial(services.sharing.export, person.name))


@router.get("/commands")
async def commands(request: Request, query: CommandsQuery, person: PageViewer, services: Served) -> Response:
    filters = read_filters(COMMANDS, query)
    found = await _page_of(query, services, filters, _reader(list_commands, filters))
    ids = [it.command.command_id for it in found.rows]
    acks = await read_catalog(services, lambda session: acknowledgements(session, ids)) if ids else {}
    return page(
        request,
        "catalog/commands.html",
        person=person,
        filters=filters,
        reasons=[("", "Any"), *REASON_WORDS.items()],
        rows=found.rows,
        acks=acks,
        csv_url=f"/commands.csv?{request.url.query}",
        first_url=first_page(request),
        next_url=next_page(request, found.after),
    )


@router.get("/commands.csv")
async def commands_csv(query: CommandsQuery, person: PageViewer, services: Served) -> Response:
    read = _reader(list_commands, _exported(query, COMMANDS))
    rows = (map(_cell, _command_cells(it.command)) for it in await _all_rows(services, read))
    return csv_answer("commands", _COMMAND_COLUMNS, rows, partial(services.sharing.export, person.name))


@router.get("/changes")
async def changes(request: Request, query: ChangesQuery, person: PageViewer, services: Served) -> Response:
    filters = read_filters(CHANGES, query)
    found = await _page_of(query, services, filters, _reader(list_changes, filters))
    return page(
        request,
        "catalog/changes.html",
        person=person,
        filters=filters,
        fields=[("", "Any"), *FIELD_LABELS.items()],
        edits=[history_entry(it, _currency(services, it.brand_id)) for it in found.rows],
        csv_url=f"/changes.csv?{request.url.query}",
        first_url=first_page(request),
        next_url=next_page(request, found.after),
    )


@router.get("/changes.csv")
async def changes_csv(query: ChangesQuery, person: PageViewer, services: Served) -> Response:
    """A line for each field; `currency` is that of amounts."""
    read = _reader(list_changes, _exported(query, CHANGES))
    found = await _all_rows(services, read)
    rows = (map(_cell, cells) for it in found for cells in _change_cells(it, _currency(services, it.brand_id)))
    return csv_answer("changes", _CHANGE_COLUMNS, rows, partial(services.sharing.export, person.name))


def _reader(list_rows: Callable[..., Page[_Row]], filters: Filters, **fixed: Any) -> Read[_Row]:
    """The query with these filters, and with values that no filter has."""

    def read(session: Session, after: str | None, limit: int) -> Page[_Row]:
        return list_rows(session, after=after, limit=limit, **fixed, **filters.values)

    return read


def _spend_reader(query: Mapping[str, str], filters: Filters) -> Read[Any]:
    """The query for spend that counts, spend that was refused, or all, as `show` says."""
    show = query.get("show") or _COUNTED
    return _reader(list_spend, filters, counted=show == _COUNTED, only_refused=show == "refused")


async def _page_of(query: Mapping[str, str], services: Services, filters: Filters, read: Read[_Row]) -> Page[_Row]:
    """A page of the rows; none while a filter is wrong, because the page then shows the error beside the input."""
    if filters.errors:
        return Page([], None)
    after = filter_text(query, "after")
    return await read_catalog(services, lambda session: read(session, after, PAGE_ROWS))


def _exported(query: Mapping[str, str], readers: Mapping[str, Reader]) -> Filters:
    """The rows that the filters select. Raises RefusedValue for a wrong filter, which must not export everything."""
    filters = read_filters(readers, query)
    for error in filters.errors.values():
        raise RefusedValue(error)
    return filters


async def _all_rows(services: Services, read: Read[_Row]) -> Iterator[_Row]:
    """All rows. The first ones are read before the answer begins: while PostgreSQL is away the answer is 503 and not a
    cut file."""
    first = await read_catalog(services, lambda session: read(session, None, _EXPORT_ROWS))
    return chain(first.rows, _remaining_rows(services.settings.database, read, first.after))


def _remaining_rows(url: str, read: Read[_Row], after: str | None) -> Iterator[_Row]:
    """The rows after the first ones, each page in a transaction of its own, so that a slow reader holds none open."""
    while after is not None:
        with session_scope(url) as session:
            found = read(session, after, _EXPORT_ROWS)
        yield from found.rows
        after = found.after


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


def _currency(services: Services, brand_id: str) -> str:
    """The brand's currency; empty for a brand that was added just now."""
    brand = services.catalog.brand(brand_id)
    return brand.currency if brand else ""


def _change_cells(change: CatalogChange, currency: str) -> Iterator[list[object]]:
    for name, values in change.fields.items():
        yield [
            format_moment(change.changed_at),
            change.actor,
            change.kind,
            change.brand_id,
            change.campaign_id,
            name,
            values["from"],
            values["to"],
            change.note,
            currency if name in MONEY_FIELDS else "",
        ]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)
