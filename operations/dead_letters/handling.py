"""Replays and drops dead letters, and records each action for ever.

One transaction in PostgreSQL, under a lock that excludes everybody else who handles dead letters, holds the actions;
the copies are published inside of it, and it is committed after the broker has acknowledged them. Killed in between,
the dead letters still wait although their copies are published: the next replay publishes them again, with event ids
that count once. So nothing is recorded as replayed that was not.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from core.acceptance import Tolerance
from core.errors import RefusedValue, SpendgateError, TooLarge
from core.moment import format_moment
from models.queries.dead_letter_actions import currencies_of, last_actions, lock_dead_letters, note
from models.session import session_scope
from models.tables.dead_letter_action import DeadLetterAction, Handling
from operations.dead_letters.search import Batches, DeadLetterEntry
from streams.clock import current_moment
from streams.dead_letters.redelivery import RedeliveryTarget, redelivery_headers, redelivery_obstacle, redelivery_target
from streams.kafka.producer import Acked, SpendProducer, spend_producer
from streams.settings import Settings

__all__ = ["HandlingOutcome", "HandlingResult", "checked_because", "drop", "replay"]

_BECAUSE_LENGTH_MAX: Final = 1000
_NAME_LENGTH_MAX: Final = 200

_Publish = Callable[[Sequence[tuple[DeadLetterEntry, RedeliveryTarget]]], list[Acked | SpendgateError]]


class HandlingResult(StrEnum):
    """The result of replaying or dropping one dead letter."""

    REPLAYED = "replayed"
    DROPPED = "dropped"
    ALREADY = "already"  # done with before
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class HandlingOutcome:
    """What became of one dead letter; `why` it was not handled, or the position of the `copy` that was published."""

    entry: DeadLetterEntry
    result: HandlingResult
    why: str = ""
    copy: Acked | None = None


async def replay(
    settings: Settings,
    batches: Batches,
    *,
    actor: str,
    dry_run: bool = False,
    force: bool = False,
) -> AsyncGenerator[list[HandlingOutcome], None]:
    """Publish originals again: the same value and arrival, under the key and in the partition of the brand that it
    names.

    A dead letter that was handled before is skipped, one that would become a dead letter again is refused. `force`
    publishes both nevertheless. `dry_run` returns the results that there would be, and does nothing.
    """
    async with aclosing(batches), spend_producer(settings) as producer:
        publish = _publisher(producer, settings.tolerance)
        async for batch in batches:
            yield await asyncio.to_thread(_replay, settings, batch, publish, actor, dry_run, force)


async def drop(
    settings: Settings, batches: Batches, *, actor: str, because: str, dry_run: bool = False
) -> AsyncGenerator[list[HandlingOutcome], None]:
    """Record that these dead letters will not be replayed, and why. They stay on the topic until its retention ends."""
    async with aclosing(batches):
        because = checked_because(because)
        async for batch in batches:
            yield await asyncio.to_thread(_drop, settings, batch, actor, because, dry_run)


def checked_because(text: str) -> str:
    """The text of `--because`, checked. Raises RefusedValue."""
    if not text.strip() or len(text) > _BECAUSE_LENGTH_MAX or not text.isprintable():
        raise RefusedValue(f"Say why they are dropped, in 1 to {_BECAUSE_LENGTH_MAX} printable characters.")
    return text.strip()


def _replay(
    settings: Settings, batch: Sequence[DeadLetterEntry], publish: _Publish, actor: str, dry_run: bool, force: bool
) -> list[HandlingOutcome]:
    with session_scope(settings.database) as session:
        lock_dead_letters(session)
        done, waiting = ([], batch) if force else _split_handled(session, batch)
        refused, targets = _redelivery_targets(session, settings, waiting, force)
        copies: Sequence[Acked | SpendgateError | None] = [None] * len(targets) if dry_run else publish(targets)
        sent = [_sent(entry, copy) for (entry, _), copy in zip(targets, copies, strict=True)]
        if not dry_run:
            replayed = [outcome for outcome in sent if outcome.result is HandlingResult.REPLAYED]
            note(session, [_action(outcome, Handling.REPLAYED, actor) for outcome in replayed])
    # After the others are noted: they are not to be published twice.
    for failed in (copy for copy in copies if isinstance(copy, SpendgateError) and not isinstance(copy, TooLarge)):
        raise failed
    return _in_order(batch, done, refused, sent)


def _sent(entry: DeadLetterEntry, copy: Acked | SpendgateError | None) -> HandlingOutcome:
    if isinstance(copy, SpendgateError):
        return HandlingOutcome(entry, HandlingResult.REFUSED, str(copy))
    return HandlingOutcome(entry, HandlingResult.REPLAYED, copy=copy)


def _drop(
    settings: Settings, batch: Sequence[DeadLetterEntry], actor: str, because: str, dry_run: bool
) -> list[HandlingOutcome]:
    with session_scope(settings.database) as session:
        lock_dead_letters(session)
        done, waiting = _split_handled(session, batch)
        dropped = [HandlingOutcome(entry, HandlingResult.DROPPED) for entry in waiting]
        if not dry_run:
            note(session, [_action(outcome, Handling.DROPPED, actor, because) for outcome in dropped])
    return _in_order(batch, done, dropped)


def _split_handled(
    session: Session, batch: Sequence[DeadLetterEntry]
) -> tuple[list[HandlingOutcome], list[DeadLetterEntry]]:
    """The dead letters that are handled by now, and those that wait."""
    if not batch:
        return [], []
    actions = last_actions(session, batch[0].topic_id, [entry.dead_letter.position for entry in batch])
    done = [
        HandlingOutcome(entry, HandlingResult.ALREADY, _handled_sentence(actions[entry.dead_letter.position]))
        for entry in batch
        if entry.dead_letter.position in actions
    ]
    return done, [entry for entry in batch if entry.dead_letter.position not in actions]


def _redelivery_targets(
    session: Session, settings: Settings, waiting: Sequence[DeadLetterEntry], force: bool
) -> tuple[list[HandlingOutcome], list[tuple[DeadLetterEntry, RedeliveryTarget]]]:
    """The results of dead letters that cannot be published, and the targets of the others."""
    currencies = currencies_of(session, {entry.dead_letter.brand_id for entry in waiting if entry.dead_letter.brand_id})
    now = current_moment()
    refused: list[HandlingOutcome] = []
    targets: list[tuple[DeadLetterEntry, RedeliveryTarget]] = []
    for entry in waiting:
        target = redelivery_target(entry.dead_letter, settings)
        if isinstance(target, str):
            refused.append(HandlingOutcome(entry, HandlingResult.REFUSED, target))
            continue
        against = redelivery_obstacle(entry.dead_letter, target.topic, currencies, now, settings.tolerance)
        if against is None or force:
            targets.append((entry, target))
        else:
            refused.append(HandlingOutcome(entry, HandlingResult.REFUSED, against))
    return refused, targets


def _publisher(producer: SpendProducer, tolerance: Tolerance) -> _Publish:
    """A function that publishes, to be called in the thread that holds the transaction; it sends in the event loop of
    this call. A record that is refused or not acknowledged does not keep the others from being sent."""
    loop = asyncio.get_running_loop()

    async def send(entry: DeadLetterEntry, target: RedeliveryTarget) -> Acked | SpendgateError:
        dead_letter = entry.dead_letter
        try:
            headers = redelivery_headers(dead_letter, tolerance)
            return await producer.send(target.brand_id, dead_letter.value or b"", headers=headers, topic=target.topic)
        except SpendgateError as failed:
            return failed

    async def publish(targets: Sequence[tuple[DeadLetterEntry, RedeliveryTarget]]) -> list[Acked | SpendgateError]:
        return list(await asyncio.gather(*(send(*one) for one in targets)))

    return lambda targets: asyncio.run_coroutine_threadsafe(publish(targets), loop).result()


def _action(outcome: HandlingOutcome, handling: Handling, actor: str, because: str = "") -> DeadLetterAction:
    entry, dead_letter, copy = outcome.entry, outcome.entry.dead_letter, outcome.copy
    return DeadLetterAction(
        topic_id=entry.topic_id,
        partition=dead_letter.partition,
        record_offset=dead_letter.offset,
        reason=_storable(dead_letter.reason),
        brand_id=_storable(dead_letter.brand_id),
        event_id=_storable(dead_letter.event_id),
        action=handling.value,
        actor=actor,
        because=because,
        copy_topic=copy and copy.topic,
        copy_partition=copy and copy.partition,
        copy_offset=copy and copy.offset,
    )


def _storable(text: str | None) -> str | None:
    """The text cut to the column's length; None for one that PostgreSQL may refuse."""
    return text[:_NAME_LENGTH_MAX] if text and text.isprintable() else None


def _handled_sentence(action: DeadLetterAction) -> str:
    because = f" ({action.because})" if action.because else ""
    return f"It was {action.action} at {format_moment(action.acted_at)} by {action.actor}{because}."


def _in_order(batch: Sequence[DeadLetterEntry], *parts: Sequence[HandlingOutcome]) -> list[HandlingOutcome]:
    found = {outcome.entry.dead_letter.position: outcome for part in parts for outcome in part}
    return [found[entry.dead_letter.position] for entry in batch]
