"""What the controller has refused: the list, one of them in full, and what is done with it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.responses import RedirectResponse

from console.access.person import Person, Role
from console.access.rights import PageOperator, PageViewer
from console.api.services import Served, Services
from console.dead_letter_views import details
from console.dead_letters import Filed, Page, Wanted, find, page, picked
from console.operations import letters
from console.operations.letters import Outcome, Result
from console.web.admin.filters import DEAD_LETTERS, read_filters
from console.web.admin.paging import PAGE_ROWS, first_page, next_page, wanted
from console.web.render import page as show_page
from console.web.said import with_said
from streams.core.refusal import RefusalReason
from streams.errors import RefusedValue

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Partition = Annotated[int, Path(ge=0, le=99_999)]
Offset = Annotated[int, Path(ge=0, lt=10**18)]


@router.get("/dead-letters")
async def waiting(request: Request, person: PageViewer, services: Served) -> Response:
    """Those that wait or, when asked for, all."""
    services.need_broker_and_database()
    query = request.query_params
    filters, handled = read_filters(DEAD_LETTERS, query), query.get("handled") == "true"
    found = Page([], None)
    if not filters.errors:
        which = Wanted(handled=handled, **filters.values)
        found = await page(services.settings, which, limit=PAGE_ROWS, after=wanted(query, "after"))
    return show_page(
        request,
        "catalog/dead_letters.html",
        person=person,
        filters=filters,
        handled=handled,
        reasons=[("", "Any"), *((it.value, it.value.replace("_", " ")) for it in RefusalReason)],
        rows=found.letters,
        first_url=first_page(request),
        next_url=next_page(request, found.after),
    )


@router.get("/dead-letters/{partition}/{offset}")
async def show(
    request: Request, partition: Partition, offset: Offset, person: PageViewer, services: Served
) -> Response:
    return _letter_page(request, person, await _found(services, partition, offset))


@router.post("/dead-letters/{partition}/{offset}/replay")
async def replay(
    request: Request, partition: Partition, offset: Offset, person: PageOperator, services: Served
) -> Response:
    """`force` also publishes what would be refused again; what was handled before is told so."""
    services.need_broker_and_database()
    forced = (await request.form()).get("force") == "true"
    one = picked(services.settings, [(partition, offset)])
    outcome = await _only(letters.replay(services.settings, one, actor=person.actor, force=forced))
    return await _after(request, person, services, outcome, "replayed")


@router.post("/dead-letters/{partition}/{offset}/drop")
async def drop(
    request: Request, partition: Partition, offset: Offset, person: PageOperator, services: Served
) -> Response:
    services.need_broker_and_database()
    because = str((await request.form()).get("because") or "").strip()
    one = picked(services.settings, [(partition, offset)])
    try:
        outcome = await _only(letters.drop(services.settings, one, actor=person.actor, because=because))
    except RefusedValue as error:
        return _letter_page(request, person, await _found(services, partition, offset), error=str(error))
    return await _after(request, person, services, outcome, "dropped")


async def _found(services: Services, partition: int, offset: int) -> Filed:
    services.need_broker_and_database()
    return await find(services.settings, (partition, offset))


async def _only(outcomes: AsyncGenerator[list[Outcome], None]) -> Outcome:
    async with aclosing(outcomes):
        [outcome] = await anext(outcomes)
    return outcome


async def _after(request: Request, person: Person, services: Services, outcome: Outcome, said: str) -> Response:
    if outcome.result is Result.REFUSED:
        why = f"It would be refused again: {outcome.why}"
        return _letter_page(request, person, outcome.filed, error=why, may_force=said == "replayed")
    if outcome.result is Result.ALREADY:
        filed = await _found(services, *outcome.filed.letter.position)
        return _letter_page(request, person, filed, error=outcome.why, may_force=said == "replayed")
    address = request.url.path.rpartition("/")[0]
    return RedirectResponse(with_said(address, said), HTTPStatus.SEE_OTHER)


def _letter_page(
    request: Request, person: Person, filed: Filed, *, error: str = "", may_force: bool = False
) -> Response:
    return show_page(
        request,
        "catalog/dead_letter.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        may_edit=person.may(Role.OPERATOR),
        letter=details(filed),
        filed=filed,
        error=error,
        may_force=may_force,
    )
