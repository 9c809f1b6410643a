"""The pages of dead letters: the list, one letter in full, replay and drop."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from console.access.rights import PageOperator, PageViewer
from console.pages.admin.filters import DEAD_LETTERS, read_filters
from console.pages.admin.paging import PAGE_ROWS, filter_text, first_page, next_page
from console.rendering.flash import flash_redirect
from console.rendering.render import page as show_page
from console.server.own_loop import in_own_loop
from console.server.queries import PageQuery
from console.server.services import Served, Services
from core.errors import RefusedValue
from core.refusal import RefusalReason
from operations.accounts.person import Person, Role
from operations.dead_letters import handling
from operations.dead_letters.handling import HandlingOutcome, HandlingResult
from operations.dead_letters.pages import DeadLetterPage, page
from operations.dead_letters.search import DeadLetterEntry, DeadLetterFilter, find, read_batches
from operations.dead_letters.views import details

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Partition = Annotated[int, Path(ge=0, le=99_999)]
Offset = Annotated[int, Path(ge=0, lt=10**18)]
DeadLettersQuery = Annotated[Mapping[str, str], Depends(PageQuery(*DEAD_LETTERS, "after", handled=["true"]))]


@router.get("/dead-letters")
async def waiting(request: Request, query: DeadLettersQuery, person: PageViewer, services: Served) -> Response:
    """The page of dead letters that wait; with `handled` also of those replayed or dropped."""
    services.need_broker_and_database()
    filters, handled = read_filters(DEAD_LETTERS, query), query.get("handled") == "true"
    found = DeadLetterPage([], None)
    if not filters.errors:
        which = DeadLetterFilter(handled=handled, **filters.values)
        async with services.sharing.heavy(person.name):
            found = await in_own_loop(
                page(services.settings, which, limit=PAGE_ROWS, after=filter_text(query, "after"))
            )
    return show_page(
        request,
        "catalog/dead_letters.html",
        person=person,
        filters=filters,
        handled=handled,
        reasons=[("", "Any"), *((it.value, it.value.replace("_", " ")) for it in RefusalReason)],
        rows=found.dead_letters,
        first_url=first_page(request),
        next_url=next_page(request, found.after),
    )


@router.get("/dead-letters/{partition}/{offset}")
async def show(
    request: Request, partition: Partition, offset: Offset, person: PageViewer, services: Served
) -> Response:
    return _dead_letter_page(request, person, await _found(services, person, partition, offset))


@router.post("/dead-letters/{partition}/{offset}/replay")
async def replay(
    request: Request, partition: Partition, offset: Offset, person: PageOperator, services: Served
) -> Response:
    """`force` also publishes a record that would be refused again or was handled before."""
    services.need_broker_and_database()
    forced = (await request.form()).get("force") == "true"
    one = read_batches(services.settings, [(partition, offset)])
    outcome = await _only(handling.replay(services.settings, one, actor=person.actor, force=forced))
    return await _after(request, person, services, outcome, "replayed")


@router.post("/dead-letters/{partition}/{offset}/drop")
async def drop(
    request: Request, partition: Partition, offset: Offset, person: PageOperator, services: Served
) -> Response:
    services.need_broker_and_database()
    because = str((await request.form()).get("because") or "").strip()
    one = read_batches(services.settings, [(partition, offset)])
    try:
        outcome = await _only(handling.drop(services.settings, one, actor=person.actor, because=because))
    except RefusedValue as error:
        return _dead_letter_page(request, person, await _found(services, person, partition, offset), error=str(error))
    return await _after(request, person, services, outcome, "dropped")


async def _found(services: Services, person: Person, partition: int, offset: int) -> DeadLetterEntry:
    services.need_broker_and_database()
    async with services.sharing.heavy(person.name):
        return await in_own_loop(find(services.settings, (partition, offset)))


async def _only(outcomes: AsyncGenerator[list[HandlingOutcome], None]) -> HandlingOutcome:
    async with aclosing(outcomes):
        [outcome] = await anext(outcomes)
    return outcome


async def _after(
    request: Request, person: Person, services: Services, outcome: HandlingOutcome, flash: str
) -> Response:
    if outcome.result is HandlingResult.REFUSED:
        why = f"It would be refused again: {outcome.why}"
        return _dead_letter_page(request, person, outcome.entry, error=why, may_force=flash == "replayed")
    if outcome.result is HandlingResult.ALREADY:
        entry = await _found(services, person, *outcome.entry.dead_letter.position)
        return _dead_letter_page(request, person, entry, error=outcome.why, may_force=flash == "replayed")
    return flash_redirect(request.url.path.rpartition("/")[0], flash)


def _dead_letter_page(
    request: Request, person: Person, entry: DeadLetterEntry, *, error: str = "", may_force: bool = False
) -> Response:
    return show_page(
        request,
        "catalog/dead_letter.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        may_edit=person.may(Role.OPERATOR),
        letter=details(entry),
        entry=entry,
        error=error,
        may_force=may_force,
    )
