"""The controller's totals and the ledger's sums of the same records: those below the controller's positions.

The controller writes its totals, its positions in all input topics and its dead letters in one transaction. A snapshot
takes totals and positions of the last transaction, waits until the ledger has saved all spend below these positions and
all dead letters that were on the topic by then, and sums the rows below. Later spend lies above them, on both sides.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from core.errors import ConfigurationError, NotCaughtUp
from core.state_records import PartRecord
from ledger.reconcile.comparison import BrandTotals
from ledger.reconcile.controller_totals import ControllerTotals
from ledger.reconcile.sums import Cut, PartitionId, PartitionLag, partitions_behind, summed_below, unbooked
from models.queries.replay_runs import of_topic
from streams.kafka.clients import unreachable_after
from streams.kafka.metadata import topic_ids
from streams.kafka.options import client_options
from streams.kafka.reader import TopicReader, topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.startup_checks import known_topic_ids

__all__ = ["PATIENCE_SECONDS", "TotalsSnapshot", "take_snapshot"]

#: How long a snapshot waits for a worker or a ledger that makes no progress.
PATIENCE_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 6.0
_PAUSE_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class TotalsSnapshot:
    """Totals of both sides, by brand. `parts` has the positions by partition; None where nothing was ever flushed."""

    parts: Mapping[int, PartRecord | None]
    controller: Mapping[str, BrandTotals]
    ledger: Mapping[str, BrandTotals]


async def take_snapshot(
    settings: Settings,
    brand_id: str | None = None,
    *,
    corrections_to: Mapping[int, int] | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> TotalsSnapshot:
    """The snapshot of one brand or of all, after the controller has applied every correction on the topic, and those
    below the offsets `corrections_to`, by partition. Raises NotCaughtUp when it or the ledger does not come that
    far."""
    patience = _Deadline(patience_seconds)
    async with topic_reader(settings, Topic.CONTROLLER_STATE, key=brand_id) as reader:
        state = ControllerTotals(reader, brand_id)
        await state.read_to_end()
        parts = {number: state.parts.get(number) for number in sorted(await reader.ends())}
        while waiting := await _unapplied(settings, reader, parts, corrections_to or {}):
            patience.check(parts, f"The controller has not applied {waiting}: is `spendgate worker` running?")
            await state.read_on()
            parts = {number: state.parts.get(number) for number in parts}
    controller = await asyncio.to_thread(state.totals)
    cut, dead_letter_ends = await _cut(settings, parts)
    while late := await asyncio.to_thread(partitions_behind, settings.database, {**cut, **dead_letter_ends}):
        patience.check(late, _too_late(late[0], patience_seconds))
        await asyncio.sleep(_PAUSE_SECONDS)
    while rows := await asyncio.to_thread(unbooked, settings.database, cut, controller):
        patience.check(
            rows, f"The ledger has yet to book {rows} rows of brands it knows: is `spendgate ledger` running?"
        )
        await asyncio.sleep(_PAUSE_SECONDS)
    ledger = await summed_below(settings.database, cut, controller, brand_id)
    return TotalsSnapshot(parts, controller, ledger)


class _Deadline:
    """A deadline that begins again with every step of progress."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._progress: object = None
        self._until = time.monotonic() + seconds

    def check(self, progress: object, sentence: str) -> None:
        now = time.monotonic()
        if progress != self._progress:
            self._progress, self._until = progress, now + self._seconds
        elif now > self._until:
            raise NotCaughtUp(sentence)


async def _unapplied(
    settings: Settings,
    reader: TopicReader,
    parts: Mapping[int, PartRecord | None],
    corrections_to: Mapping[int, int],
) -> str:
    """A phrase for what the ledger's sums contain and the controller's totals do not yet; empty when there is
    nothing."""
    return await _unapplied_replay(settings, parts) or await _unapplied_corrections(
        settings, reader, parts, corrections_to
    )


async def _unapplied_replay(settings: Settings, parts: Mapping[int, PartRecord | None]) -> str:
    """A phrase for spend of a replay that the controller has not applied. The ledger has all of its rows from the
    beginning, so a repair in the middle would count them twice."""
    async with unreachable_after(settings, _ANSWER_SECONDS):
        topic_id = (await known_topic_ids(settings))[Topic.SPEND_EVENTS]
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
    reader: TopicReader,
    parts: Mapping[int, PartRecord | None],
    corrections_to: Mapping[int, int],
) -> str:
    """A phrase for corrections on the topic that the controller has not applied; empty when it has applied all."""
    applied = {number: part.positions[Topic.SPEND_CORRECTIONS] if part else 0 for number, part in parts.items()}
    if any(applied.get(number, 0) < offset for number, offset in corrections_to.items()):
        return "the corrections of this repair"
    ends = (await reader.ends_with([Topic.SPEND_CORRECTIONS]))[Topic.SPEND_CORRECTIONS]
    if all(end <= applied[number] for number, end in ends.items()):
        return ""
    async with topic_reader(settings, Topic.SPEND_CORRECTIONS) as corrections:
        # The rest may be transaction markers alone. Partitions that are not compared need not be applied.
        corrections.seek({**await corrections.ends(), **applied})
        waiting = len([record async for record in corrections.to_end() if record.partition in applied])
    return f"{waiting} corrections" if waiting else ""


async def _cut(settings: Settings, parts: Mapping[int, PartRecord | None]) -> tuple[Cut, Cut]:
    """The controller's positions in the spend topic, and the high watermarks of dead letters: not the last stable
    offsets, because the marker that commits them may be written after the one that committed the totals."""
    spend, dead_letters = settings.topic(Topic.SPEND_EVENTS), settings.topic(Topic.DEAD_LETTERS)
    async with unreachable_after(settings, _ANSWER_SECONDS), AIOKafkaConsumer(**client_options(settings)) as consumer:
        ids = await topic_ids(consumer._client, (spend, dead_letters))
        if len(ids) < 2:
            raise ConfigurationError("Topics are missing: run `spendgate topics create`.")
        ends = await consumer.end_offsets([TopicPartition(dead_letters, number) for number in parts])
    cut = {
        PartitionId(spend, part.topic_ids[Topic.SPEND_EVENTS] if part else ids[spend], number): (
            part.positions[Topic.SPEND_EVENTS] if part else 0
        )
        for number, part in parts.items()
    }
    return cut, {PartitionId(dead_letters, ids[dead_letters], part.partition): end for part, end in ends.items()}


def _too_late(late: PartitionLag, seconds: float) -> str:
    return (
        f"The ledger has saved {late.partition_id.topic}, partition {late.partition_id.partition}, up to offset "
        f"{late.position} and not up to {late.wanted}, and has not come on for {seconds:g} s: "
        "is `spendgate ledger` running?"
    )
