"""`/api/v1/spend`: reads the ledger, publishes spend events."""

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from console.access.rights import Operator, Viewer
from console.api import schemas
from console.api.openapi import documented
from console.api.publishing import RECORDS_MAX, Publishable, RefusedRecord, publish_records, read_records
from console.server.paging import Cursor, Limit, QueryDay, json_answer, page_of
from console.server.services import Served
from console.server.spend_check import checked_spend
from core.refusal import Refusal
from core.spend import Spend
from models.queries.catalog import get_brand
from models.queries.paging import Page
from models.queries.spend import SpendEntry, list_spend
from models.queries.spend_rows import SpendFilter
from models.session import session_scope
from models.threads import in_thread
from operations import validation
from operations.catalog_views import Json
from operations.journal import spend_view
from operations.report.sums import spend_sums_view
from streams.clock import current_moment
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
    """The spend of the ledger, newest first."""
    services.need_database()
    filters = SpendFilter(
        brand_id=brand_id, campaign_id=campaign_id, event_id=event_id, day_from=day_from, day_until=day_until
    )

    def query() -> Page[SpendEntry]:
        with session_scope(services.settings.database) as session:
            return list_spend(session, counted=counted, after=cursor, limit=limit, **filters)

    page = await in_thread(query)
    return page_of([msgspec.json.encode(spend_view(entry)) for entry in page.rows], page.after)


class SumsBy(StrEnum):
    NOTHING = "nothing"
    DAY = "day"
    CAMPAIGN = "campaign"
    CAMPAIGN_AND_DAY = "campaign_and_day"


@router.get("/sums", **documented(schemas.SpendSums, errors=(404,)))
async def sums(
    _: Viewer,
    services: Served,
    brand_id: Annotated[str, Query(max_length=64)],
    day_from: Annotated[QueryDay, Query(description="Booked to this day or later.")],
    day_until: Annotated[QueryDay, Query(description="Booked to this day or earlier; at most 366 days in all.")],
    campaign_id: Annotated[str | None, Query(max_length=64)] = None,
    by: Annotated[SumsBy, Query(description="What the items are sums of.")] = SumsBy.DAY,
) -> Response:
    """Net spend of a brand in the ledger, by day and campaign."""
    services.need_database()
    brand_id = validation.identifier("brand", brand_id)

    def query() -> dict[str, Json]:
        with session_scope(services.settings.database) as session:
            currency = get_brand(session, brand_id).currency
            return spend_sums_view(
                session, brand_id, currency, day_from, day_until, campaign_id, "day" in by.value, "campaign" in by.value
            )

    return json_answer(await in_thread(query))


@router.post("", **documented(schemas.Published, HTTPStatus.ACCEPTED, body=schemas.NewSpend, many=RECORDS_MAX))
async def publish(request: Request, _: Operator, services: Served) -> Response:
    """Publishes one event, or up to 1,000 in an array. Answered when the broker has all that are not refused; each
    refusal is listed. To send an event again, also after a 503, is harmless: its `event_id` counts once."""
    values, is_array = await read_records(request)
    now = current_moment()
    records = [_record(value, checked_spend(services, value, now)) for value in values]
    return await publish_records(
        services, Topic.SPEND_EVENTS, records, is_array=is_array, sent_again="an event_id counts once"
    )


def _record(value: bytes, found: Spend | Refusal) -> Publishable | RefusedRecord:
    if isinstance(found, Refusal):
        return RefusedRecord(found.reason.value, found.message)
    return Publishable(found.brand_id, value, {"event_id": found.event_id})
