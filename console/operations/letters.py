"""What operators do with dead letters: replay them or drop them, each noted for ever in the same turn.

A turn is one transaction in PostgreSQL that shuts out all others who handle letters. The copies are published inside of
it and the notes are committed after the broker has them. Killed in between, the letters still wait although their
copies are out: the next replay publishes them again, under the event ids that count once. So nothing is ever noted
as replayed that was not.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from console.dead_letters import Batches, Filed
from models.dead_letter_action import DeadLetterAction, Handling
from models.dead_letter_actions import currencies_of, last_actions, note, take_turn
from models.session import session_scope
from streams.core.moment import format_moment
from streams.errors import RefusedValue
from streams.settings import Settings
from streams.spend_producer import Acked, SpendProducer, spend_producer
from streams.way_back import WayBack, headers_back, obstacle, way_back

__all__ = ["Outcome", "Result", "checked_because", "drop", "replay"]

_BECAUSE_LENGTH_MAX: Final = 1000
_NAME_LENGTH_MAX: Final = 200

_Publish = Callable[[Sequence[tuple[Filed, WayBack]]], list[Acked]]


class Result(StrEnum):
    """What became of one letter."""

    REPLAYED = "replayed"
    DROPPED = "dropped"
    ALREADY = "already"  # done with before
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    filed: Filed
    result: Result
    why: str = ""
    copy: Acked | None = None


async def replay(
    settings: Settings,
    batches: Batches,
    *,
    actor: str,
    dry_run: bool = False,
    force: bool = False,
) -> AsyncGenerator[list[Outcome], None]:
    """Publish originals again: the same value, the key and partition of the brand that it names, and its arrival.

    A letter that was handled before is left alone, one that would become a dead letter again is refused. `force`
    publishes both all the same. `dry_run` tells what would happen and does nothing.
    """
    async with aclosing(batches), spend_producer(settings) as producer:
        publish = _publisher(producer)
        async for batch in batches:
            yield await asyncio.to_thread(_replay, settings, batch, publish, actor, dry_run, force)


async def drop(
    settings: Settings, batches: Batches, *, actor: str, because: str, dry_run: bool = False
) -> AsyncGenerator[list[Outcome], None]:
    """Note that nothing will be done with letters, and why. The topic keeps them as long as it keeps anything."""
    async with aclosing(batches):
        because = checked_because(because)
        async for batch in batches:
            yield await asyncio.to_thread(_drop, settings, batch, actor, because, dry_run)


def checked_because(text: str) -> str:
    """Why letters are dropped, for those who ask later."""
    if not text.strip() or len(text) > _BECAUSE_LENGTH_MAX or not text.isprintable():
        raise RefusedValue(f"Say why they are dropped, in 1 to {_BECAUSE_LENGTH_MAX} printable characters.")
    return text.strip()


def _replay(
    settings: Settings, batch: Sequence[Filed], publish: _Publish, actor: str, dry_run: bool, force: bool
) -> list[Outcome]:
    with session_scope(settings.database) as session:
        take_turn(session)
        done, waiting = ([], batch) if force else _parted(session, batch)
        refused, ways = _ways(session, settings, waiting, force)
        copies: Sequence[Acked | None] = [None] * len(ways) if dry_run else publish(ways)
        replayed = [Outcome(filed, Result.REPLAYED, copy=copy) for (filed, _), copy in zip(ways, copies, strict=True)]
        if not dry_run:
            note(session, [_action(outcome, Handling.REPLAYED, actor) for outcome in replayed])
    return _in_order(batch, done, refused, replayed)


def _drop(settings: Settings, batch: Sequence[Filed], actor: str, because: str, dry_run: bool) -> list[Outcome]:
    with session_scope(settings.database) as session:
        take_turn(session)
        done, waiting = _parted(session, batch)
        dropped = [Outcome(filed, Result.DROPPED) for filed in waiting]
        if not dry_run:
            note(session, [_action(outcome, Handling.DROPPED, actor, because) for outcome in dropped])
    return _in_order(batch, done, dropped)


def _parted(session: Session, batch: Sequence[Filed]) -> tuple[list[Outcome], list[Filed]]:
    """Those with which others were done in the meantime, or long ago, and those that wait."""
    if not batch:
        return [], []
    actions = last_actions(session, batch[0].topic_id, [filed.letter.position for filed in batch])
    done = [
        Outcome(filed, Result.ALREADY, _told(actions[filed.letter.position]))
        for filed in batch
        if filed.letter.position in actions
    ]
    return done, [filed for filed in batch if filed.letter.position not in actions]


def _ways(
    session: Session, settings: Settings, waiting: Sequence[Filed], force: bool
) -> tuple[list[Outcome], list[tuple[Filed, WayBack]]]:
    """What cannot go back, with a sentence, and where the others go."""
    currencies = currencies_of(session, {filed.letter.brand_id for filed in waiting if filed.letter.brand_id})
    now = time.time_ns() // 1_000_000
    refused: list[Outcome] = []
    ways: list[tuple[Filed, WayBack]] = []
    for filed in waiting:
        way = way_back(filed.letter, settings)
        if isinstance(way, str):
            refused.append(Outcome(filed, Result.REFUSED, way))
            continue
        against = obstacle(filed.letter, way.topic, currencies, now, settings.future_tolerance_seconds)
        if against is None or force:
            ways.append((filed, way))
        else:
            refused.append(Outcome(filed, Result.REFUSED, against))
    return refused, ways


def _publisher(producer: SpendProducer) -> _Publish:
    """Called in the thread that holds the turn; the broker is asked in the loop that made this."""
    loop = asyncio.get_running_loop()

    async def publish(ways: Sequence[tuple[Filed, WayBack]]) -> list[Acked]:
        sends = (
            producer.send(way.brand_id, filed.letter.value or b"", headers=headers_back(filed.letter), topic=way.topic)
            for filed, way in ways
        )
        return list(await asyncio.gather(*sends))

    return lambda ways: asyncio.run_coroutine_threadsafe(publish(ways), loop).result()


def _action(outcome: Outcome, handling: Handling, actor: str, because: str = "") -> DeadLetterAction:
    filed, letter, copy = outcome.filed, outcome.filed.letter, outcome.copy
    return DeadLetterAction(
        topic_id=filed.topic_id,
        partition=letter.partition,
        record_offset=letter.offset,
        reason=_storable(letter.reason),
        brand_id=_storable(letter.brand_id),
        event_id=_storable(letter.event_id),
        action=handling.value,
        actor=actor,
        because=because,
        copy_topic=copy and copy.topic,
        copy_partition=copy and copy.partition,
        copy_offset=copy and copy.offset,
    )


def _storable(text: str | None) -> str | None:
    """A letter's value may name anything, also what no row can hold."""
    return text[:_NAME_LENGTH_MAX] if text and text.isprintable() else None


def _told(action: DeadLetterAction) -> str:
    because = f" ({action.because})" if action.because else ""
    return f"It was {action.action} at {format_moment(action.acted_at)} by {action.actor}{because}."


def _in_order(batch: Sequence[Filed], *parts: Sequence[Outcome]) -> list[Outcome]:
    found = {outcome.filed.letter.position: outcome for part in parts for outcome in part}
    return [found[filed.letter.position] for filed in batch]
