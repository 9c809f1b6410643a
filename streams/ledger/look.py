"""The controller's totals and the ledger's sums of one and the same records: those below the controller's positions.

The controller writes its totals, its positions in all input topics and its dead letters in one transaction. So a look
takes totals and positions of its last one, waits for the ledger to have saved all spend below them and all letters
that were on the topic by then, and sums what lies below. Spend that comes meanwhile is above, on both sides.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from models.replays import of_topic
from streams.core.storage import PartRecord
from streams.errors import ConfigurationError, NotCaughtUp
from streams.kafka_clients import answering, client_options
from streams.ledger.comparison import BrandTotals
from streams.ledger.controller_totals import ControllerTotals
from streams.ledger.sums import Behind, Cut, Place, behind, summed_below, unbooked
from streams.settings import Settings
from streams.startup_checks import input_topic_ids
from streams.topic_ids import topic_ids
from streams.topic_reader import TopicReader, topic_reader
from streams.topics import Topic

__all__ = ["PATIENCE_SECONDS", "Look", "look"]

#: How long a look waits for a worker or a ledger that does not come on at all.
PATIENCE_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 6.0
_PAUSE_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Look:
    """Both sides, by brand. `parts` has the positions, by partition; None where nothing was ever flushed."""

    parts: Mapping[int, PartRecord | None]
    held: Mapping[str, BrandTotals]
    booked: Mapping[str, BrandTotals]


async def look(
    settings: Settings,
    brand_id: str | None = None,
    *,
    corrections_to: Mapping[int, int] | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Look:
    """Of one brand or of all. The controller has applied every correction that was on the topic, and those below
    `corrections_to` in any case. Raises NotCaughtUp when it or the ledger does not come that far."""
    patience = _Patience(patience_seconds)
    async with topic_reader(settings, Topic.CONTROLLER_STATE, key=brand_id) as reader:
        controller = ControllerTotals(reader, brand_id)
        await controller.read_to_end()
        parts = {number: controller.parts.get(number) for number in sorted(await reader.ends())}
        while waiting := await _unapplied(settings, reader, parts, corrections_to or {}):
            patience.spend(parts, f"The controller has not applied {waiting}: is `spendgate worker` running?")
            await controller.read_on()
            parts = {number: controller.parts.get(number) for number in parts}
    held = await asyncio.to_thread(controller.totals)
    cut, letters = await _cut(settings, parts)
    while late := await asyncio.to_thread(behind, settings.database, {**cut, **letters}):
        patience.spend(late, _too_late(late[0], patience_seconds))
        await asyncio.sleep(_PAUSE_SECONDS)
    while rows := await asyncio.to_thread(unbooked, settings.database, cut, held):
        patience.spend(
            rows, f"The ledger has yet to book {rows} rows of brands it knows: is `spendgate ledger` running?"
        )
        await asyncio.sleep(_PAUSE_SECONDS)
    booked = await summed_below(settings.database, cut, held, brand_id)
    return Look(parts, held, booked)


class _Patience:
    """Lasts as long as anything comes on."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: object = None
        self._until = time.monotonic() + seconds

    def spend(self, seen: object, sentence: str) -> None:
        now = time.monotonic()
        if seen != self._seen:
            self._seen, self._until = seen, now + self._seconds
        elif now > self._until:
            raise NotCaughtUp(sentence)


async def _unapplied(
    settings: Settings,
    beside: TopicReader,
    parts: Mapping[int, PartRecord | None],
    corrections_to: Mapping[int, int],
) -> str:
    """What the totals are without though the ledger's are with it, empty when there is no such thing."""
    return await _unapplied_replay(settings, parts) or await _unapplied_corrections(
        settings, beside, parts, corrections_to
    )


async def _unapplied_replay(settings: Settings, parts: Mapping[int, PartRecord | None]) -> str:
    """The ledger has all rows of a replay before it begins; a repair in the middle would count them twice."""
    topic_id = (await input_topic_ids(settings))[Topic.SPEND_EVENTS]
    run = await asyncio.to_thread(of_topic, settings.database, Topic.SPEND_EVENTS.value, topic_id)
    if run is None:
        return ""
    if run.filled_to is None:
        return f"the spend of replay {run.replay_id}, which has not ended"
    applied = {number: part.positions[Topic.SPEND_EVENTS] if part else 0 for number, part in parts.items()}
    behind = any(applied.get(int(number), end) < end for number, end in run.filled_to.items())
    return f"the spend of replay {run.replay_id}" if behind else ""


async def _unapplied_corrections(
    settings: Settings,
    beside: TopicReader,
    parts: Mapping[int, PartRecord | None],
    corrections_to: Mapping[int, int],
) -> str:
    """Which corrections the totals are without, empty when they are with all of them."""
    applied = {number: part.positions[Topic.SPEND_CORRECTIONS] if part else 0 for number, part in parts.items()}
    if any(applied.get(number, 0) < offset for number, offset in corrections_to.items()):
        return "the corrections of this repair"
    ends = (await beside.ends_beside([Topic.SPEND_CORRECTIONS]))[Topic.SPEND_CORRECTIONS]
    if all(end <= applied[number] for number, end in ends.items()):
        return ""
    async with topic_reader(settings, Topic.SPEND_CORRECTIONS) as reader:
        # What follows may be the mark of a transaction alone. In partitions that are not looked at nobody waits.
        reader.go_to({**await reader.ends(), **applied})
        waiting = len([record async for record in reader.to_end() if record.partition in applied])
    return f"{waiting} corrections" if waiting else ""


async def _cut(settings: Settings, parts: Mapping[int, PartRecord | None]) -> tuple[Cut, Cut]:
    """The controller's positions in the spend, and the ends of the dead letters: not of those that are committed,
    because the mark that commits them may come after the one that committed the totals."""
    spend, letters = settings.topic(Topic.SPEND_EVENTS), settings.topic(Topic.DEAD_LETTERS)
    async with answering(settings, _ANSWER_SECONDS), AIOKafkaConsumer(**client_options(settings)) as consumer:
        ids = await topic_ids(consumer._client, (spend, letters))
        if len(ids) < 2:
            raise ConfigurationError("Topics are missing: run `spendgate topics create`.")
        ends = await consumer.end_offsets([TopicPartition(letters, number) for number in parts])
    cut = {
        Place(spend, part.topic_ids[Topic.SPEND_EVENTS] if part else ids[spend], number): (
            part.positions[Topic.SPEND_EVENTS] if part else 0
        )
        for number, part in parts.items()
    }
    return cut, {Place(letters, ids[letters], part.partition): end for part, end in ends.items()}


def _too_late(late: Behind, seconds: float) -> str:
    return (
        f"The ledger has saved {late.place.topic}, partition {late.place.partition}, up to offset {late.position} and "
        f"not up to {late.wanted}, and has not come on for {seconds:g} s: is `spendgate ledger` running?"
    )
