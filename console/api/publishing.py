"""Publishing the records of a request: one or an array, those that are not refused, answered after the broker's ack."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec
from fastapi import Request, Response

from console.api.bodies import read_bytes
from console.server.paging import json_answer
from console.server.problems import HttpProblem
from console.server.services import Services
from core.errors import TooLarge, Unreachable
from core.refusal import RefusalReason
from streams.kafka.producer import Acked
from streams.kafka.topics import Topic

__all__ = ["RECORDS_MAX", "Publishable", "Records", "RefusedRecord", "publish_records", "read_records"]

RECORDS_MAX: Final = 1_000
_ARRAY_BYTES_MAX: Final = 2 * 1024 * 1024

_records_of: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Records(NamedTuple):
    """The values in a body. A body that is no array is one value, whatever it is."""

    values: list[bytes]
    is_array: bool


class Publishable(NamedTuple):
    """A record that is not refused; `about` says in the answer which one it is."""

    brand_id: str
    value: bytes
    about: dict[str, str]


class RefusedRecord(NamedTuple):
    """`status` is that of the answer where the record came alone; `more` are members of its entry."""

    reason: str
    message: str
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY
    more: dict[str, Any] = {}  # noqa: RUF012


async def read_records(request: Request) -> Records:
    body = await read_bytes(request, _ARRAY_BYTES_MAX)
    if not body.lstrip().startswith(b"["):
        return Records([body], False)
    try:
        values = _records_of(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HttpProblem(HTTPStatus.BAD_REQUEST, f"The body is not JSON: {error}.") from error
    if not 0 < len(values) <= RECORDS_MAX:
        raise HttpProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"Send 1 to {RECORDS_MAX} records at once, not {len(values)}."
        )
    return Records([bytes(value) for value in values], True)


async def publish_records(
    services: Services, topic: Topic, records: Sequence[Publishable | RefusedRecord], *, is_array: bool, sent_again: str
) -> Response:
    """202 with `accepted` and `refused`. Raises HttpProblem where all are refused, and 503 with what was accepted where
    the broker is away; `sent_again` says why the others may be sent again."""
    producer = services.producer
    good = [(index, record) for index, record in enumerate(records) if isinstance(record, Publishable)]
    results = await asyncio.gather(
        *(producer.send(record.brand_id, record.value, topic=topic) for _, record in good), return_exceptions=True
    )
    accepted, refused = [], {index: it for index, it in enumerate(records) if isinstance(it, RefusedRecord)}
    for (index, record), result in zip(good, results, strict=True):
        if isinstance(result, Acked):
            accepted.append({"index": index, **record.about, **result._asdict()})
        elif isinstance(result, TooLarge):
            refused[index] = RefusedRecord(RefusalReason.TOO_LARGE.value, str(result))
    entries = [_entry(index, refused[index]) for index in sorted(refused)]
    _raise_what_failed(results, accepted, entries, sent_again)
    if not accepted:
        first = refused[min(refused)]
        status = HTTPStatus.UNPROCESSABLE_ENTITY if is_array else first.status
        detail = f"All {len(refused)} records are refused." if is_array else first.message
        raise HttpProblem(status, detail, accepted=[], refused=entries)
    return json_answer({"accepted": accepted, "refused": entries}, HTTPStatus.ACCEPTED)


def _entry(index: int, refused: RefusedRecord) -> dict[str, Any]:
    return {"index": index, "reason": refused.reason, "message": refused.message, **refused.more}


def _raise_what_failed(
    results: Sequence[Acked | BaseException],
    accepted: list[dict[str, Any]],
    refused: list[dict[str, Any]],
    sent_again: str,
) -> None:
    for failure in results:
        if isinstance(failure, BaseException) and not isinstance(failure, Unreachable | TooLarge):
            raise failure
    for failure in results:
        if isinstance(failure, Unreachable):
            raise HttpProblem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{failure} Send what is not in `accepted` again: {sent_again}.",
                accepted=accepted,
                refused=refused,
            )
