"""Where a dead letter's original is published again, and what prevents it. Pure: no I/O."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from core.acceptance import Tolerance, is_ahead, names_other_currency, refusal_of
from core.correction import Correction, read_correction
from core.moment import Moment, format_moment
from core.refusal import Refusal, RefusalReason
from core.snapshot import Snapshot, read_snapshot
from core.spend import Spend, read_spend, valid_id
from streams.dead_letters.dead_letter import DeadLetter
from streams.dead_letters.outbox import ARRIVAL_HEADER, REPLAYED_HEADER, REROUTED_HEADER
from streams.kafka.headers import Headers
from streams.kafka.topics import Topic
from streams.kafka.truncation import KEY_LENGTH_HEADER, LENGTH_HEADER
from streams.settings import Settings

__all__ = ["RedeliveryTarget", "redelivery_headers", "redelivery_obstacle", "redelivery_target"]

#: The decoder of each input whose refused records become dead letters.
_DECODERS: Final[Mapping[Topic, Callable[[bytes | None], Spend | Snapshot | Correction | Refusal]]] = {
    Topic.SPEND_EVENTS: read_spend,
    Topic.SPEND_SNAPSHOTS: read_snapshot,
    Topic.SPEND_CORRECTIONS: read_correction,
}


class RedeliveryTarget(NamedTuple):
    """Where the original of a dead letter is published again."""

    topic: Topic
    brand_id: str  # key and partition are this brand's


def redelivery_target(dead_letter: DeadLetter, settings: Settings) -> RedeliveryTarget | str:
    """The topic and brand to publish the original for, or a sentence on why there are none."""
    topic = next((it for it in _DECODERS if settings.topic(it) == dead_letter.original_topic), None)
    if topic is None:
        origin = dead_letter.original_topic or "nobody knows where"
        return f"It came from {origin}, which is no topic of this installation."
    if dead_letter.brand_id is None or not valid_id(dead_letter.brand_id):
        return "It names no brand, so no partition is its own: publish a correct event and drop this letter."
    return RedeliveryTarget(topic, dead_letter.brand_id)


def redelivery_headers(dead_letter: DeadLetter, tolerance: Tolerance) -> Headers:
    """The headers of the copy: the original's, the dead letter that it is the copy of, and the original's arrival, so
    that it counts for the day on which it came.

    Without `spendgate-rerouted`: a copy that bears it must not be misplaced again, and this one is a new original.
    """
    own = tuple(header for header in dead_letter.headers if not _is_of_a_copy(*header))
    replayed = (REPLAYED_HEADER, f"{dead_letter.partition}/{dead_letter.offset}".encode())
    if _arrives_anew(dead_letter, tolerance):
        return (*own, replayed)
    return (*own, replayed, (ARRIVAL_HEADER, format_moment(dead_letter.arrived_at).encode()))


def redelivery_obstacle(
    dead_letter: DeadLetter, topic: Topic, currencies: Mapping[str, str], now: Moment, tolerance: Tolerance
) -> str | None:
    """A sentence on why the controller or the ledger would refuse the copy, or None.

    The value and the arrival that the copy will have decide, not the reason for which the original was refused.
    `currencies` are those of the catalog, by brand.
    """
    if cut := _cut(dead_letter):
        return cut
    if dead_letter.reason == RefusalReason.NOT_STORABLE:
        return "The controller has counted it, and PostgreSQL would refuse the row again."
    event = _DECODERS[topic](dead_letter.value)
    if isinstance(event, Refusal):
        return f"It would be refused again ({event.message}): publish a correct event and drop this letter."
    currency = currencies.get(event.brand_id)
    if currency is None:
        return f"There is no brand {event.brand_id}: add it first."
    if isinstance(event, Snapshot) and names_other_currency(event.currency, currency):
        return _other_currency(event, currency)
    if not isinstance(event, Spend):
        return None
    # The controller takes the arrival of a header only where it is not later than the copy's own.
    arrival = now if _arrives_anew(dead_letter, tolerance) else min(dead_letter.arrived_at, now)
    refusal = refusal_of(event, currency, arrival, tolerance)
    return refusal and _obstacle(event, currency, refusal)


def _is_of_a_copy(name: str, value: bytes | None) -> bool:
    """Whether a header says of which record its own is a copy. What came from the ledger remains so."""
    if name == REPLAYED_HEADER:
        return b"/" in (value or b"")
    return name in (ARRIVAL_HEADER, REROUTED_HEADER)


def _cut(dead_letter: DeadLetter) -> str | None:
    """A sentence where only a part of the original's value or key was kept, which must not be published."""
    added = dict(dead_letter.added)
    for part, header, kept in (
        ("value", LENGTH_HEADER, dead_letter.value),
        ("key", KEY_LENGTH_HEADER, dead_letter.key),
    ):
        if header in added:
            length = (added[header] or b"").decode(errors="replace")
            return (
                f"Only {len(kept or b'')} of the {length} bytes of its {part} were kept: "
                "publish the event again from its source and drop this letter."
            )
    return None


def _arrives_anew(dead_letter: DeadLetter, tolerance: Tolerance) -> bool:
    """Whether the copy gets a new arrival: spend dated too far ahead of its old one would always be refused."""
    if dead_letter.reason == RefusalReason.OCCURRED_IN_FUTURE:
        return True
    spend = read_spend(dead_letter.value)
    if not isinstance(spend, Spend) or spend.occurred_at is None:
        return False
    return is_ahead(spend.occurred_at, dead_letter.arrived_at, tolerance)


def _obstacle(spend: Spend, currency: str, refusal: Refusal) -> str:
    """The refusal as a sentence that says what to do."""
    if refusal.reason is RefusalReason.CURRENCY_MISMATCH:
        return _other_currency(spend, currency)
    if refusal.reason is RefusalReason.OCCURRED_IN_FUTURE and spend.occurred_at is not None:
        return f"It is dated {format_moment(spend.occurred_at)}: wait until then."
    if refusal.reason is RefusalReason.OCCURRED_TOO_EARLY:
        return f"It would be refused again ({refusal.message}): set a higher SPENDGATE_PAST_TOLERANCE_DAYS first."
    return f"It would be refused again ({refusal.message})."


def _other_currency(event: Spend | Snapshot, currency: str) -> str:
    return f"It is in {event.currency}, the brand {event.brand_id} in {currency}."
