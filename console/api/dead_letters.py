"""`/api/v1/dead-letters`: what the controller has refused, and what is done with it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from console.access.rights import Operator, Viewer
from console.api import schemas
from console.api.bodies import read_body
from console.api.openapi import told
from console.api.pages import Cursor, Limit, json_answer, page_of
from console.api.problems import Problem
from console.api.services import Served, Services
from console.dead_letter_views import details, outcome_view, summary
from console.dead_letters import Batches, Wanted, find, page, picked
from console.operations import letters
from console.operations.letters import Outcome, Result
from streams.core.refusal import RefusalReason

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/dead-letters", tags=["dead letters"])

Partition = Annotated[int, Path(ge=0, le=99_999)]
Offset = Annotated[int, Path(ge=0, lt=10**18)]


class Replay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`force` also publishes what was handled before or would be refused again; `dry_run` only tells what would be."""

    dry_run: bool = False
    force: bool = False


class Drop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    because: str
    dry_run: bool = False


@router.get("", **told(schemas.LetterPage))
async def read(
    _: Viewer,
    services: Served,
    reason: RefusalReason | None = None,
    brand_id: Annotated[str | None, Query(max_length=64)] = None,
    handled: Annotated[bool, Query(description="Also those that were replayed or dropped.")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """The newest first."""
    services.need_broker_and_database()
    wanted = Wanted(reason, brand_id, handled)
    found = await page(services.settings, wanted, limit=limit, after=cursor)
    return page_of([msgspec.json.encode(summary(filed)) for filed in found.letters], found.after)


@router.get("/{partition}/{offset}", **told(schemas.Letter, errors=(404,)))
async def show(partition: Partition, offset: Offset, _: Viewer, services: Served) -> Response:
    """One of them in full."""
    services.need_broker_and_database()
    return json_answer(details(await find(services.settings, (partition, offset))))


@router.post("/{partition}/{offset}/replay", **told(schemas.LetterOutcome, body=Replay, errors=(404,)))
async def replay(
    request: Request, partition: Partition, offset: Offset, person: Operator, services: Served
) -> Response:
    """Publishes the original again, with its arrival; its event_id counts once."""
    asked = await read_body(request, Replay)
    outcomes = letters.replay(
        services.settings,
        _one(services, partition, offset),
        actor=person.actor,
        dry_run=asked.dry_run,
        force=asked.force,
    )
    return await _only(outcomes, asked.dry_run)


@router.post("/{partition}/{offset}/drop", **told(schemas.LetterOutcome, body=Drop, errors=(404,)))
async def drop(request: Request, partition: Partition, offset: Offset, person: Operator, services: Served) -> Response:
    """Notes that nothing will be done with it, and why."""
    asked = await read_body(request, Drop)
    letter = _one(services, partition, offset)
    outcomes = letters.drop(services.settings, letter, actor=person.actor, because=asked.because, dry_run=asked.dry_run)
    return await _only(outcomes, asked.dry_run)


def _one(services: Services, partition: int, offset: int) -> Batches:
    services.need_broker_and_database()
    return picked(services.settings, [(partition, offset)])


async def _only(outcomes: AsyncGenerator[list[Outcome], None], dry_run: bool) -> Response:
    async with aclosing(outcomes):
        [outcome] = await anext(outcomes)
    view = outcome_view(outcome, dry_run)
    if outcome.result is Result.REFUSED:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, outcome.why, outcome=view)
    return json_answer(view)
