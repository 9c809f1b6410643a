"""Corrections that make the controller's totals the ledger's, each of them once, whoever is killed or comes along.

All repairs share one transactional id. Opening it ends every other repair, frozen ones too: what they have not
committed will never be. What they have committed is on the topic, and a look waits for the controller to apply all of
that. So what still differs then was corrected by nobody, and the corrections of it are written all or none.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerFenced

from streams.core.records import SpendCorrection
from streams.errors import SpendgateError
from streams.kafka_clients import answering, client_options, let_go
from streams.ledger.look import PATIENCE_SECONDS
from streams.ledger.reconcile import Reconciliation, reconcile
from streams.records import encode
from streams.settings import Settings
from streams.topics import Topic

__all__ = ["Changed", "repair"]

_TRANSACTIONAL_ID: Final = "reconcile"
_ANSWER_SECONDS: Final = 10.0
_END_SECONDS: Final = 3.0


class Changed(SpendgateError):
    """What differs has changed since it was shown: nothing was corrected, look again."""


async def repair(
    settings: Settings, shown: Reconciliation, *, patience_seconds: float = PATIENCE_SECONDS
) -> Reconciliation:
    """Publish the corrections that were shown, wait until the controller has applied them, and compare again. Raises
    Changed, and changes nothing, when others are needed by now."""
    producer = AIOKafkaProducer(
        **client_options(settings),
        transactional_id=settings.topic(_TRANSACTIONAL_ID),
        acks="all",
        request_timeout_ms=int(_ANSWER_SECONDS * 1000),
    )
    try:
        async with answering(settings, _ANSWER_SECONDS):
            await producer.start()
        now = await reconcile(settings, shown.brand_id, patience_seconds=patience_seconds)
        if _bookings(now) != _bookings(shown):
            raise Changed()
        ends = await _publish(settings, producer, now.corrections)
    finally:
        await let_go(producer)
    return await reconcile(settings, shown.brand_id, corrections_to=ends, patience_seconds=patience_seconds)


async def _publish(
    settings: Settings, producer: AIOKafkaProducer, corrections: Sequence[tuple[int, SpendCorrection]]
) -> dict[int, int]:
    """In one transaction. Returns the offset after the last one, by partition. A broker that goes away meanwhile may
    answer neither the records nor the end of the transaction: it aborts what was left open, or the next repair does."""
    topic = settings.topic(Topic.SPEND_CORRECTIONS)
    ends: dict[int, int] = {}
    async with answering(settings, _ANSWER_SECONDS + _END_SECONDS):
        try:
            async with producer.transaction(), asyncio.timeout(_ANSWER_SECONDS):
                sent = [
                    await producer.send(topic, encode(it), key=it.brand_id.encode(), partition=number)
                    for number, it in corrections
                ]
                for record in await asyncio.gather(*sent):
                    ends[record.partition] = max(ends.get(record.partition, 0), record.offset + 1)
        except ProducerFenced as error:
            raise Changed("Another repair has begun meanwhile: nothing was corrected here, look again.") from error
    return ends


def _bookings(found: Reconciliation) -> list[tuple[str, str, str, str]]:
    return [(it.brand_id, it.campaign_id, it.booked_on, it.amount) for _, it in found.corrections]
