"""Refused and misplaced records on their way out: dead letters and reroutes.

Their headers are those of docs/contract.md, "spend-events.dlq" and "spend-events". How a dead letter is read back,
and goes back, is in `dead_letter` and `redelivery`."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka import ConsumerRecord

from core.moment import Moment, format_moment, parse_moment
from core.refusal import Refusal, RefusalReason
from streams.kafka.headers import Headers
from streams.kafka.topics import Topic
from streams.kafka.truncation import DIGEST_HEADER, HEADERS_DROPPED_HEADER, LENGTH_HEADER, TruncatedBytes

__all__ = [
    "ARRIVAL_HEADER",
    "COUNTED_HEADER",
    "ERROR_HEADERS",
    "REASON_HEADER",
    "REPLAYED_HEADER",
    "REROUTED_HEADER",
    "Outbox",
    "OutgoingRecord",
    "arrival_of",
    "cut_headers",
    "dropped_header",
    "is_counted",
    "is_replayed",
    "is_rerouted",
]

REROUTED_HEADER: Final = "spendgate-rerouted"
ARRIVAL_HEADER: Final = "spendgate-arrival"
#: Set by a replay from the ledger, which has this spend already.
REPLAYED_HEADER: Final = "spendgate-replayed"
#: Of a snapshot whose spend is in the ledger: set by a replay, which sends that spend itself.
COUNTED_HEADER: Final = "spendgate-counted"
REASON_HEADER: Final = "spendgate-reason"
#: Header names of Kafka Streams' KIP-1034.
ERROR_HEADERS: Final = "__streams.errors."


class OutgoingRecord(NamedTuple):
    topic: Topic
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    instead: "OutgoingRecord | None" = None  # what goes out when the topic refuses this one

    @property
    def size(self) -> int:
        return len(self.key or b"") + len(self.value or b"") + sum(len(value or b"") for _, value in self.headers)


@dataclass(slots=True)
class Outbox:
    """What the next flush carries besides state and commands."""

    records: list[OutgoingRecord] = field(default_factory=list)
    size: int = 0  # bytes of keys, values and headers

    def dead_letter(self, record: ConsumerRecord, refusal: Refusal) -> None:
        """Keep the original byte for byte, with where it was and why it was refused."""
        self._add(_dead_letter(record, refusal))

    def bare_letter(self, record: ConsumerRecord, refusal: Refusal) -> None:
        """Keep key and value alone, where something in the record's other parts made its letter fail."""
        headers = (*_error_headers(record, refusal), (REASON_HEADER, refusal.reason.value.encode()))
        self._add(OutgoingRecord(Topic.DEAD_LETTERS, record.partition, record.key, record.value, headers))

    def reroute(self, topic: Topic, record: ConsumerRecord, brand_id: str, partition: int) -> None:
        """Send the value, unchanged, to its brand's partition of the same topic under the brand's key."""
        headers = (
            *(header for header in record.headers if header[0] != ARRIVAL_HEADER),
            (REROUTED_HEADER, f"{record.topic}/{record.partition}/{record.offset}".encode()),
            *_arrival_header(arrival_of(record)),
        )
        # Headers of any size may come with it, and the copy has one or two more.
        instead = _dead_letter(record, _too_large_to_reroute(partition))
        key = brand_id.encode()
        self._add(OutgoingRecord(topic, partition, key, record.value, headers, instead))

    def spend(self, partition: int, brand_id: str, value: bytes, arrival: Moment) -> None:
        """Publish spend that a snapshot made; it arrived when the snapshot did."""
        headers = _arrival_header(arrival)
        self._add(OutgoingRecord(Topic.SPEND_EVENTS, partition, brand_id.encode(), value, headers))

    def take(self) -> list[OutgoingRecord]:
        taken, self.records, self.size = self.records, [], 0
        return taken

    def _add(self, record: OutgoingRecord) -> None:
        self.size += record.size  # first: what has no size can be sent no more than it can be counted
        self.records.append(record)


def _dead_letter(record: ConsumerRecord, refusal: Refusal) -> OutgoingRecord:
    headers = (
        *record.headers,
        *_error_headers(record, refusal),
        (REASON_HEADER, refusal.reason.value.encode()),
        *_arrival_header(arrival_of(record)),
        *cut_headers(record.value),
    )
    return OutgoingRecord(Topic.DEAD_LETTERS, record.partition, record.key, record.value, headers)


def _error_headers(record: ConsumerRecord, refusal: Refusal) -> Headers:
    where = (
        ("exception", refusal.reason.value),
        ("message", refusal.message[:1000]),
        ("topic", record.topic),
        ("partition", str(record.partition)),
        ("offset", str(record.offset)),
    )
    return tuple((f"{ERROR_HEADERS}{name}", text.encode(errors="replace")) for name, text in where)


def cut_headers(value: bytes | None) -> Headers:
    """What a letter says of a value of which only a part is left."""
    if not isinstance(value, TruncatedBytes):
        return ()
    return (LENGTH_HEADER, str(value.length).encode()), (DIGEST_HEADER, value.sha256.encode())


def dropped_header(before: bytes | None, more: int) -> Headers:
    """How many of the original's headers are missing: those that an earlier cut has told, and `more`."""
    dropped = int(before or b"0") + more
    return ((HEADERS_DROPPED_HEADER, str(dropped).encode()),) if dropped else ()


def _too_large_to_reroute(partition: int) -> Refusal:
    return Refusal(
        RefusalReason.TOO_LARGE,
        f"its copy for partition {partition}, where its brand belongs, is more than the topic takes: "
        "publish it again with the brand's id as its key and with smaller headers",
    )


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


def is_counted(record: ConsumerRecord) -> bool:
    return any(name == COUNTED_HEADER for name, _ in record.headers)


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
