"""How a dead letter goes back to the topic from which it came, and what stands in its way. Without any I/O."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from streams.core.correction import read_correction
from streams.core.moment import Moment, format_moment
from streams.core.refusal import Refusal, RefusalReason
from streams.core.spend import Spend, read_spend, valid_id
from streams.dead_letters import ARRIVAL_HEADER, REROUTED_HEADER, Headers
from streams.letter import Letter
from streams.settings import Settings
from streams.topics import Topic

__all__ = ["WayBack", "headers_back", "obstacle", "way_back"]

_REFUSED_INPUTS: Final = (Topic.SPEND_EVENTS, Topic.SPEND_CORRECTIONS)


class WayBack(NamedTuple):
    topic: Topic
    brand_id: str  # key and partition are this brand's


def way_back(letter: Letter, settings: Settings) -> WayBack | str:
    """Where the original belongs, or a sentence on why it belongs nowhere."""
    topic = next((it for it in _REFUSED_INPUTS if settings.topic(it) == letter.original_topic), None)
    if topic is None:
        return f"It came from {letter.original_topic or 'nobody knows where'}, which is no topic of this installation."
    if letter.brand_id is None or not valid_id(letter.brand_id):
        return "It names no brand, so no partition is its own: publish a correct event and drop this letter."
    return WayBack(topic, letter.brand_id)


def headers_back(letter: Letter) -> Headers:
    """The original's, and its arrival, so that it counts for the day on which it came.

    Without `spendgate-rerouted`: a copy that bears it must not be misplaced again, and this one is a new original.
    What was refused as dated ahead of its arrival names its own time and would be refused again for the same arrival,
    so it arrives anew.
    """
    own = tuple(header for header in letter.headers if header[0] not in (ARRIVAL_HEADER, REROUTED_HEADER))
    if letter.reason == RefusalReason.OCCURRED_IN_FUTURE:
        return own
    return (*own, (ARRIVAL_HEADER, format_moment(letter.arrived_at).encode()))


def obstacle(
    letter: Letter, topic: Topic, currencies: Mapping[str, str], now: Moment, tolerance_seconds: int
) -> str | None:
    """Why the controller or the ledger would refuse it again, in a sentence; None when nothing is known against it.

    Judged by what the value says today, not by the reason for which it was refused then.
    """
    if letter.reason == RefusalReason.NOT_STORABLE:
        return "The controller has counted it, and PostgreSQL would refuse the row again."
    event = read_spend(letter.value) if topic is Topic.SPEND_EVENTS else read_correction(letter.value)
    if isinstance(event, Refusal):
        return f"It would be refused again ({event.message}): publish a correct event and drop this letter."
    currency = currencies.get(event.brand_id)
    if currency is None:
        return f"There is no brand {event.brand_id}: add it first."
    return _against_spend(event, currency, now + tolerance_seconds * 1000) if isinstance(event, Spend) else None


def _against_spend(spend: Spend, currency: str, latest: Moment) -> str | None:
    if spend.currency is not None and spend.currency != currency:
        return f"It is in {spend.currency}, the brand {spend.brand_id} in {currency}."
    if spend.occurred_at is not None and spend.occurred_at > latest:
        return f"It is dated {format_moment(spend.occurred_at)}: wait until then."
    return None
