"""`/api/v1/spend`: reads the ledger, publishes spend events."""

import time
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from console.access.rights import Operator, Viewer
from console.api import schemas
from console.api.openapi import documented
from console.api.publishing import RECORDS_MAX, Publishable, Refused, publish_records, read_records
from console.server.paging import Cursor, Limit, QueryDay, page_of
from console.server.services import Served
from console.server.spend_check import checked_spend
from core.refusal import Refusal
from core.spend import Spend
from models.queries.paging import Page
from models.queries.spend import SpendEntry, list_spend
from models.queries.spend_rows import SpendFilter
from models.session import session_scope
from models.threads import in_thread
from operations.journal import spend_view
from streams.kafka.topics import Topic

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/spend", tags=["spend"])


@router.get("", **documented(schemas.SpendPage))
async def read(
    _: Viewer,
    services: Served,
    brand_id: Annotated[str | None, Query(max_length=64)] = None,
    campaign_id: Annotated[str | None, Query(max_length=64)] = None,
    event_id: Annotated[str | None, Query(max_length=128)] = None,
    day_from: Annotated[QueryDay | None, Query(description="Booked to this day or later.")] = None,
    day_until: Annotated[QueryDay | None, Query(description="Booked to this day or earlier.")] = None,
    counted: Annotated[bool, Query(description="Leave out what the controller has refused.")] = True,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """The ledger, newest first."""
    services.need_database()
    filters = SpendFilter(
        brand_id=brand_id, campaign_id=campaign_id, event_id=event_id, day_from=day_from, day_until=day_until
    )

    def query() -> Page[SpendEntry]:
        with session_scope(services.settings.database) as session:
            return list_spend(session, counted=counted, after=cursor, limit=limit, **filters)

    page = await in_thread(query)
    return page_of([msgspec.json.encode(spend_view(entry)) for entry in page.rows], page.after)


@router.post("", **documented(schemas.Published, HTTPStatus.ACCEPTED, body=schemas.NewSpend, many=RECORDS_MAX))
async def publish(request: Request, _: Operator, services: Served) -> Response:
    """Publishes one event, or up to 1,000 in an array. Answered when the broker has all that are not refused; each
    refusal is listed. To send an event again, also after a 503, is harmless: its `event_id` counts once."""
    values, is_array = await read_records(request)
    now = time.time_ns() // 1_000_000
    records = [_record(value, checked_spend(services, value, now)) for value in values]
    return await publish_records(
        services, Topic.SPEND_EVENTS, records, is_array=is_array, sent_again="an event_id counts once"
    )


def _record(value: bytes, found: Spend | Refusal) -> Publishable | Refused:
    if isinstance(found, Refusal):
        return Refused(found.reason.value, found.message)
    return Publishable(found.brand_id, value, {"event_id": found.event_id})
