"""`/api/v1/spend`: reading the ledger, publishing events."""

import asyncio
import time
from collections.abc import Sequence
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from fastapi import APIRouter, Query, Request, Response

from console.access.rights import Operator, Viewer
from console.api import schemas
from console.api.bodies import read_bytes
from console.api.frame import BODY_BYTES_MAX
from console.api.openapi import told
from console.api.pages import Cursor, Limit, json_answer, page_of
from console.api.problems import Problem
from console.api.services import Served, Services
from console.journal import spend_view
from models.ledger_reads import SpendEntry, list_spend
from models.paging import Page
from models.session import session_scope
from models.spend_rows import SpendFilter
from schedulers.relay_threads import in_thread
from streams.core.decide import would_refuse
from streams.core.moment import Moment
from streams.core.refusal import Refusal, RefusalReason
from streams.core.spend import Spend, read_spend
from streams.errors import Unreachable
from streams.spend_producer import Acked

__all__ = ["judged", "router"]

EVENTS_MAX: Final = 1_000

router = APIRouter(prefix="/api/v1/spend", tags=["spend"])

_events_of: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Checked(NamedTuple):
    """One event of a request, with its place there."""

    place: int
    value: bytes
    found: Spend | Refusal


@router.get("", **told(schemas.SpendPage))
async def read(
    _: Viewer,
    services: Served,
    brand_id: Annotated[str | None, Query(max_length=64)] = None,
    campaign_id: Annotated[str | None, Query(max_length=64)] = None,
    event_id: Annotated[str | None, Query(max_length=128)] = None,
    day_from: Annotated[date | None, Query(description="Booked to this day or later.")] = None,
    day_until: Annotated[date | None, Query(description="Booked to this day or earlier.")] = None,
    counted: Annotated[bool, Query(description="Leave out what the controller has refused.")] = True,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """The ledger, newest first."""
    services.need_database()
    wanted = SpendFilter(
        brand_id=brand_id, campaign_id=campaign_id, event_id=event_id, day_from=day_from, day_until=day_until
    )

    def look() -> Page[SpendEntry]:
        with session_scope(services.settings.database) as session:
            return list_spend(session, counted=counted, after=cursor, limit=limit, **wanted)

    page = await in_thread(look)
    return page_of([msgspec.json.encode(spend_view(entry)) for entry in page.rows], page.after)


@router.post("", **told(schemas.Published, HTTPStatus.ACCEPTED, body=schemas.NewSpend, many=EVENTS_MAX))
async def publish(request: Request, _: Operator, services: Served) -> Response:
    """Publishes one event, or up to 1,000 in an array. Answered when the broker has all that are not refused; each
    that is refused is told. To send an event again, also after a 503, is harmless: its `event_id` counts once."""
    body = await read_bytes(request, BODY_BYTES_MAX)
    producer = services.producer
    now = time.time_ns() // 1_000_000
    many = body.lstrip().startswith(b"[")
    checked = [_checked(services, place, value, now) for place, value in enumerate(_events(body) if many else [body])]
    good = [it for it in checked if isinstance(it.found, Spend)]
    results = await asyncio.gather(
        *(producer.send(it.found.brand_id, it.value) for it in good if isinstance(it.found, Spend)),
        return_exceptions=True,
    )
    accepted = [_accepted(it, ack) for it, ack in zip(good, results, strict=True) if isinstance(ack, Acked)]
    refused = [_refused(it.place, it.found) for it in checked if isinstance(it.found, Refusal)]
    _raise_what_failed(results, accepted, refused)
    if not accepted:
        detail = refused[0]["message"] if not many else f"All {len(refused)} events are refused."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{detail}", accepted=[], refused=refused)
    return json_answer({"accepted": accepted, "refused": refused}, HTTPStatus.ACCEPTED)


def _events(body: bytes) -> Sequence[bytes]:
    try:
        events = _events_of(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"The body is not JSON: {error}.") from error
    if not 0 < len(events) <= EVENTS_MAX:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"Send 1 to {EVENTS_MAX} events at once, not {len(events)}.")
    return [bytes(event) for event in events]


def _checked(services: Services, place: int, value: bytes, now: Moment) -> Checked:
    return Checked(place, value, judged(services, value, now))


def judged(services: Services, value: bytes, now: Moment) -> Spend | Refusal:
    """Whatever the controller would refuse is refused here, in its words, instead of becoming a dead letter."""
    spend = read_spend(value)
    if isinstance(spend, Refusal):
        return spend
    currency = _currency_of(services, spend.brand_id)
    if currency is None:
        return Refusal(RefusalReason.UNKNOWN_BRAND, f"brand_id: no brand {spend.brand_id}; add it first")
    return would_refuse(spend, currency, now, services.settings.future_tolerance_seconds * 1_000) or spend


def _currency_of(services: Services, brand_id: str) -> str | None:
    """Of a brand that either the database or the controller knows."""
    row = services.catalog.brand(brand_id)
    if row is not None:
        return row.currency
    held = services.live.brand(brand_id)
    return held.state.terms.currency if held and held.state.terms else None


def _accepted(event: Checked, ack: Acked) -> dict[str, Any]:
    assert isinstance(event.found, Spend)
    return {"index": event.place, "event_id": event.found.event_id, **ack._asdict()}


def _refused(place: int, refusal: Refusal) -> dict[str, Any]:
    return {"index": place, "reason": refusal.reason.value, "message": refusal.message}


def _raise_what_failed(
    results: Sequence[Acked | BaseException], accepted: list[dict[str, Any]], refused: list[dict[str, Any]]
) -> None:
    """Which of them the broker has, is told: those that it may not have can be sent again."""
    failures = [it for it in results if isinstance(it, BaseException)]
    for failure in failures:
        if not isinstance(failure, Unreachable):
            raise failure
    if failures:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{failures[0]} Send the events that are not in `accepted` again: an event_id counts once.",
            accepted=accepted,
            refused=refused,
        )
