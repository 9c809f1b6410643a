"""Publishes the corrections that make the controller's totals equal to the ledger's, each of them exactly once.

All repairs share one transactional id, so opening it fences every other repair, frozen ones too: what they have not
committed will never be committed. What they have committed is on the topic, and the next snapshot waits for the
controller to apply it. So no other repair has corrected what still differs then, and its corrections are written in
one transaction.
"""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, ProducerFenced

from core.errors import SpendgateError, TooLarge
from core.records import SpendCorrection
from ledger.reconcile.reconciliation import Reconciliation, reconcile
from ledger.reconcile.snapshot import PATIENCE_SECONDS
from streams.kafka.clients import close_within_seconds, unreachable_after
from streams.kafka.codec import encode
from streams.kafka.identities import REPAIR_TRANSACTIONS
from streams.kafka.options import client_options
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["Changed", "repair"]

_ANSWER_SECONDS: Final = 10.0
_END_SECONDS: Final = 3.0


class Changed(SpendgateError):
    """What differs has changed since it was shown: nothing was corrected, run `spendgate reconcile` again."""

    http_status = HTTPStatus.CONFLICT


async def repair(
    settings: Settings,
    shown: Reconciliation,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    accept_holes: bool = False,
) -> Reconciliation:
    """Publish the corrections of `shown`, wait until the controller has applied them, and compare again. Raises
    Changed, and changes nothing, where other corrections are needed by now."""
    producer = AIOKafkaProducer(
        **client_options(settings),
        transactional_id=settings.topic(REPAIR_TRANSACTIONS),
        acks="all",
        request_timeout_ms=int(_ANSWER_SECONDS * 1000),
    )
    try:
        async with unreachable_after(settings, _ANSWER_SECONDS):
            await producer.start()
        now = await reconcile(settings, shown.brand_id, patience_seconds=patience_seconds, accept_holes=accept_holes)
        if _bookings(now) != _bookings(shown):
            raise Changed()
        ends = await _publish(settings, producer, now.corrections)
    finally:
        await close_within_seconds(producer)
    return await reconcile(
        settings,
        shown.brand_id,
        corrections_to=ends,
        patience_seconds=patience_seconds,
        accept_holes=accept_holes,
    )


async def _publish(
    settings: Settings, producer: AIOKafkaProducer, corrections: Sequence[tuple[int, SpendCorrection]]
) -> dict[int, int]:
    """Publish in one transaction; returns the offset after the last correction, by partition. Where the broker answers
    neither the records nor the end of the transaction, it aborts the open transaction later, or the next repair
    does."""
    topic = settings.topic(Topic.SPEND_CORRECTIONS)
    ends: dict[int, int] = {}
    async with unreachable_after(settings, _ANSWER_SECONDS + _END_SECONDS):
        try:
            async with producer.transaction(), asyncio.timeout(_ANSWER_SECONDS):
                sent = [
                    await producer.send(topic, encode(it), key=it.brand_id.encode(), partition=number)
                    for number, it in corrections
                ]
                for record in await asyncio.gather(*sent):
                    ends[record.partition] = max(ends.get(record.partition, 0), record.offset + 1)
        except MessageSizeTooLargeError as error:
            raise TooLarge(
                f"The topic {topic} does not take the corrections, and nothing was corrected: give it a larger "
                "max.message.bytes (`spendgate topics check` shows how)."
            ) from error
        except ProducerFenced as error:
            raise Changed("Another repair has begun meanwhile: nothing was corrected here, run it again.") from error
    return ends


def _bookings(found: Reconciliation) -> list[tuple[str, str, str, str]]:
    return [(it.brand_id, it.campaign_id, it.booked_on, it.amount) for _, it in found.corrections]
