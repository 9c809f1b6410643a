"""`/api/v1/spend-snapshots`: publishes totals of platforms."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from console.access.rights import Operator
from console.api import schemas
from console.api.openapi import documented
from console.api.publishing import RECORDS_MAX, Publishable, RefusedRecord, publish_records, read_records
from console.server.services import Served
from console.server.snapshot_check import CheckedSnapshot, checked_snapshots
from core.refusal import Refusal
from operations.snapshots.external_id import ExternalIdReason, ExternalIdRefusal
from streams.kafka.topics import Topic

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/spend-snapshots", tags=["spend snapshots"])


@router.post(
    "",
    **documented(
        schemas.PublishedSnapshots, HTTPStatus.ACCEPTED, body=schemas.NewSnapshot, many=RECORDS_MAX, errors=(404,)
    ),
)
async def publish(request: Request, _: Operator, services: Served) -> Response:
    """Publishes one snapshot, or up to 1,000 in an array. `external_id` stands in place of `brand_id` and `campaign_id`
    where exactly one campaign has it. Answered when the broker has all that are not refused; each refusal is listed. To
    send a snapshot again, also after a 503, is harmless: of one `as_of` it counts once."""
    values, is_array = await read_records(request)
    records = [_record(found) for found in await checked_snapshots(services, values)]
    return await publish_records(
        services,
        Topic.SPEND_SNAPSHOTS,
        records,
        is_array=is_array,
        sent_again="the same `as_of` counts once",
    )


def _record(found: CheckedSnapshot) -> Publishable | RefusedRecord:
    if isinstance(found, ExternalIdRefusal):
        is_unknown = found.reason is ExternalIdReason.UNKNOWN
        status = HTTPStatus.NOT_FOUND if is_unknown else HTTPStatus.UNPROCESSABLE_ENTITY
        more = {} if is_unknown else {"campaign_ids": found.campaign_ids}
        return RefusedRecord(found.reason.value, found.message, status, more)
    if isinstance(found, Refusal):
        return RefusedRecord(found.reason.value, found.message)
    snapshot, value = found
    about = {"brand_id": snapshot.brand_id, "campaign_id": snapshot.campaign_id}
    return Publishable(snapshot.brand_id, value, about)
