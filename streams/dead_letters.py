"""Refused and misplaced records on their way out: dead letters and reroutes, with the headers that CONTRACT names.

How a dead letter is read back, and goes back, is in `streams.letter` and `streams.way_back`."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka import ConsumerRecord

from streams.core.moment import Moment, format_moment, parse_moment
from streams.core.refusal import Refusal
from streams.topics import Topic

__all__ = [
    "ARRIVAL_HEADER",
    "ERROR_HEADERS",
    "REASON_HEADER",
    "REPLAYED_HEADER",
    "REROUTED_HEADER",
    "Headers",
    "Outbox",
    "Outgoing",
    "arrival_of",
    "is_replayed",
    "is_rerouted",
]

REROUTED_HEADER: Final = "spendgate-rerouted"
ARRIVAL_HEADER: Final = "spendgate-arrival"
#: Set by a replay from the ledger, which has this spend already.
REPLAYED_HEADER: Final = "spendgate-replayed"
REASON_HEADER: Final = "spendgate-reason"
#: Header names of Kafka Streams' KIP-1034.
ERROR_HEADERS: Final = "__streams.errors."

Headers = tuple[tuple[str, bytes], ...]


class Outgoing(NamedTuple):
    topic: Topic
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(slots=True)
class Outbox:
    """What the next flush carries besides state and commands."""

    records: list[Outgoing] = field(default_factory=list)

    def dead_letter(self, record: ConsumerRecord, refusal: Refusal) -> None:
        """Keep the original byte for byte, with where it was and why it was refused."""
        where = (
            ("exception", refusal.reason.value),
            ("message", refusal.message[:1000]),
            ("topic", record.topic),
            ("partition", str(record.partition)),
            ("offset", str(record.offset)),
        )
        headers = (
            *record.headers,
            *((f"{ERROR_HEADERS}{name}", text.encode(errors="replace")) for name, text in where),
            (REASON_HEADER, refusal.reason.value.encode()),
            *_arrival_header(arrival_of(record)),
        )
        self.records.append(Outgoing(Topic.DEAD_LETTERS, record.partition, record.key, record.value, headers))

    def reroute(self, record: ConsumerRecord, brand_id: str, partition: int) -> None:
        """Send the value, unchanged, to its brand's partition under the brand's key."""
        headers = (
            *(header for header in record.headers if header[0] != ARRIVAL_HEADER),
            (REROUTED_HEADER, f"{record.topic}/{record.partition}/{record.offset}".encode()),
            (ARRIVAL_HEADER, format_moment(arrival_of(record)).encode()),
        )
        self.records.append(Outgoing(Topic.SPEND_EVENTS, partition, brand_id.encode(), record.value, headers))

    def take(self) -> list[Outgoing]:
        taken, self.records = self.records, []
        return taken


def _arrival_header(arrival: Moment) -> Headers:
    """For the day on which it came also when it is replayed; none for a forged time that nothing can write."""
    try:
        return ((ARRIVAL_HEADER, format_moment(arrival).encode()),)
    except (ValueError, OverflowError):
        return ()


def is_rerouted(record: ConsumerRecord) -> bool:
    return any(name == REROUTED_HEADER for name, _ in record.headers)


def is_replayed(record: ConsumerRecord) -> bool:
    return any(name == REPLAYED_HEADER for name, _ in record.headers)


def arrival_of(record: ConsumerRecord) -> Moment:
    """The arrival of the original where a header tells it and it is not later than the copy's own."""
    arrival: Moment = record.timestamp
    for name, value in record.headers:
        if name == ARRIVAL_HEADER:
            try:
                return min(arrival, parse_moment((value or b"").decode()))
            except ValueError:  # not ours, or damaged: the broker's own time stands
                return arrival
    return arrival
