"""`/api/v1/dead-letters`: the records that controller and ledger refused; replay and drop."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from console.access.rights import Operator, Viewer
from console.api import schemas
from console.api.bodies import read_body
from console.api.openapi import documented
from console.server.own_loop import in_own_loop
from console.server.paging import Cursor, Limit, json_answer, page_of
from console.server.problems import HttpProblem
from console.server.services import Served, Services
from core.refusal import RefusalReason
from operations.dead_letters import handling
from operations.dead_letters.handling import HandlingOutcome, HandlingResult
from operations.dead_letters.pages import page
from operations.dead_letters.search import Batches, DeadLetterFilter, find, read_batches
from operations.dead_letters.views import details, outcome_view, summary

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/dead-letters", tags=["dead letters"])

Partition = Annotated[int, Path(ge=0, le=99_999)]
Offset = Annotated[int, Path(ge=0, lt=10**18)]


class Replay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`force` also publishes what was handled before or would be refused again; `dry_run` publishes nothing."""

    dry_run: bool = False
    force: bool = False


class Drop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    because: str
    dry_run: bool = False


@router.get("", **documented(schemas.DeadLetterList, errors=(429,)))
async def read(
    person: Viewer,
    services: Served,
    reason: RefusalReason | None = None,
    brand_id: Annotated[str | None, Query(max_length=64)] = None,
    handled: Annotated[bool, Query(description="Also those that were replayed or dropped.")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Dead letters, newest first. A page may hold fewer than asked for and still name a next one, where few of them
    fit."""
    services.need_broker_and_database()
    filters = DeadLetterFilter(reason, brand_id, handled)
    async with services.sharing.heavy(person.name):
        found = await in_own_loop(page(services.settings, filters, limit=limit, after=cursor))
    return page_of([msgspec.json.encode(summary(entry)) for entry in found.dead_letters], found.after)


@router.get("/{partition}/{offset}", **documented(schemas.DeadLetterDetail, errors=(404, 429)))
async def show(partition: Partition, offset: Offset, person: Viewer, services: Served) -> Response:
    """One dead letter in full."""
    services.need_broker_and_database()
    async with services.sharing.heavy(person.name):
        return json_answer(details(await in_own_loop(find(services.settings, (partition, offset)))))


@router.post("/{partition}/{offset}/replay", **documented(schemas.DeadLetterOutcome, body=Replay, errors=(404,)))
async def replay(
    request: Request, partition: Partition, offset: Offset, person: Operator, services: Served
) -> Response:
    """Publishes the original again, with its arrival; its event_id counts once."""
    body = await read_body(request, Replay)
    outcomes = handling.replay(
        services.settings,
        _one(services, partition, offset),
        actor=person.actor,
        dry_run=body.dry_run,
        force=body.force,
    )
    return await _only(outcomes, body.dry_run)


@router.post("/{partition}/{offset}/drop", **documented(schemas.DeadLetterOutcome, body=Drop, errors=(404,)))
async def drop(request: Request, partition: Partition, offset: Offset, person: Operator, services: Served) -> Response:
    """Notes that nothing will be done with the dead letter, and why."""
    body = await read_body(request, Drop)
    dead_letter = _one(services, partition, offset)
    outcomes = handling.drop(
        services.settings, dead_letter, actor=person.actor, because=body.because, dry_run=body.dry_run
    )
    return await _only(outcomes, body.dry_run)


def _one(services: Services, partition: int, offset: int) -> Batches:
    services.need_broker_and_database()
    return read_batches(services.settings, [(partition, offset)])


async def _only(outcomes: AsyncGenerator[list[HandlingOutcome], None], dry_run: bool) -> Response:
    async with aclosing(outcomes):
        [outcome] = await anext(outcomes)
    view = outcome_view(outcome, dry_run)
    if outcome.result is HandlingResult.REFUSED:
        raise HttpProblem(HTTPStatus.UNPROCESSABLE_ENTITY, outcome.why, outcome=view)
    return json_answer(view)
