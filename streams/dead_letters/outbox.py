"""The records that the next flush publishes besides state and commands: dead letters, reroutes and derived spend.

Their headers are those of docs/contract.md, "spend-events.dlq" and "spend-events". `dead_letter` reads them back,
`redelivery` publishes the original again.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka import ConsumerRecord

from core.moment import Moment, format_moment, parse_moment
from core.records import CauseKind, CauseRecord
from core.refusal import Refusal, RefusalReason
from core.trace_parent import TRACE_PARENT_HEADER, is_trace_parent
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
    "is_from_ledger",
    "is_rerouted",
]

REROUTED_HEADER: Final = "spendgate-rerouted"
ARRIVAL_HEADER: Final = "spendgate-arrival"
#: Of what is published again: the number of a replay from the ledger, or the `partition/offset` of its dead letter.
REPLAYED_HEADER: Final = "spendgate-replayed"
#: Of a snapshot whose spend is in the ledger: set by a replay, which sends that spend itself.
COUNTED_HEADER: Final = "spendgate-counted"
REASON_HEADER: Final = "spendgate-reason"
#: Header names of Kafka Streams' KIP-1034.
ERROR_HEADERS: Final = "__streams.errors."


#: Spends whose trace is remembered: those of some seconds at full load, for resumes that wait for other partitions.
_TRACES: Final = 10_000


class OutgoingRecord(NamedTuple):
    """A record that the next flush publishes."""

    topic: Topic
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    fallback: "OutgoingRecord | None" = None  # published when the topic refuses this record

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        return (
            len(self.key or b"")
            + len(self.value or b"")
            + sum(len(name) + len(value or b"") for name, value in self.headers)
        )


@dataclass(slots=True)
class Outbox:
    """The records of the next flush, in order, and the traces of spends for the commands that they cause."""

    records: list[OutgoingRecord] = field(default_factory=list)
    size: int = 0  # bytes of keys, values and headers
    _traces: dict[int, bytes] = field(default_factory=dict)  # `traceparent` of spend by its offset, the oldest first

    def dead_letter(self, record: ConsumerRecord, refusal: Refusal) -> None:
        """Publish the original byte for byte, with headers for its topic, partition, offset and the refusal."""
        self._add(_dead_letter(record, refusal))

    def dead_letter_without_headers(self, record: ConsumerRecord, refusal: Refusal) -> None:
        """Keep key and value, without the original's headers or arrival, for a record whose dead letter raised."""
        headers = (*_error_headers(record, refusal), (REASON_HEADER, refusal.reason.value.encode()))
        self._add(OutgoingRecord(Topic.DEAD_LETTERS, record.partition, record.key, record.value, headers))

    def reroute(self, topic: Topic, record: ConsumerRecord, brand_id: str, partition: int) -> None:
        """Publish the value, unchanged, in its brand's partition of the same topic, under the brand's key."""
        headers = (
            *(header for header in record.headers if header[0] != ARRIVAL_HEADER),
            (REROUTED_HEADER, f"{record.topic}/{record.partition}/{record.offset}".encode()),
            *_arrival_header(arrival_of(record)),
        )
        # The copy has one or two headers more than the original, and may be too large for its topic.
        fallback = _dead_letter(record, _too_large_to_reroute(partition))
        key = brand_id.encode()
        self._add(OutgoingRecord(topic, partition, key, record.value, headers, fallback))

    def spend(self, partition: int, brand_id: str, value: bytes, arrival: Moment) -> None:
        """Publish spend that is derived from a snapshot, with the snapshot's arrival."""
        headers = _arrival_header(arrival)
        self._add(OutgoingRecord(Topic.SPEND_EVENTS, partition, brand_id.encode(), value, headers))

    def note_trace(self, record: ConsumerRecord) -> None:
        """Remember the `traceparent` of a spend, where it has one that tracers read; the last one where it has more."""
        for name, value in record.headers:
            if name == TRACE_PARENT_HEADER and is_trace_parent(value):
                self._traces[record.offset] = value
        if len(self._traces) > _TRACES:
            del self._traces[next(iter(self._traces))]

    def trace_headers(self, cause: CauseRecord) -> Headers:
        """The headers of a command with this cause: the trace of its spend, as far as it is remembered."""
        if not self._traces or cause.kind is not CauseKind.SPEND:
            return ()
        trace = self._traces.get(cause.offset)
        return () if trace is None else ((TRACE_PARENT_HEADER, trace),)

    def take(self) -> list[OutgoingRecord]:
        """Return the records, and forget them."""
        taken, self.records, self.size = self.records, [], 0
        return taken

    def _add(self, record: OutgoingRecord) -> None:
        self.size += record.size  # first: where this raises, the record is not added
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
    """The length and digest of a value of which only a part is left."""
    if not isinstance(value, TruncatedBytes):
        return ()
    return (LENGTH_HEADER, str(value.length).encode()), (DIGEST_HEADER, value.sha256.encode())


def dropped_header(before: bytes | None, more: int) -> Headers:
    """The header that counts the original's missing headers: `before`, of an earlier cut, and `more`."""
    dropped = int(before or b"0") + more
    return ((HEADERS_DROPPED_HEADER, str(dropped).encode()),) if dropped else ()


def _too_large_to_reroute(partition: int) -> Refusal:
    return Refusal(
        RefusalReason.TOO_LARGE,
        f"its copy for partition {partition}, where its brand belongs, is more than the topic takes: "
        "publish it again with the brand's id as its key and with smaller headers",
    )


def _arrival_header(arrival: Moment) -> Headers:
    """The header that keeps the arrival through a replay; none for a forged time that cannot be formatted."""
    try:
        return ((ARRIVAL_HEADER, format_moment(arrival).encode()),)
    except (ValueError, OverflowError):
        return ()


def is_rerouted(record: ConsumerRecord) -> bool:
    """Whether the record is the copy of a misplaced one."""
    return any(name == REROUTED_HEADER for name, _ in record.headers)


def is_from_ledger(record: ConsumerRecord) -> bool:
    """Whether a replay has published the record from the ledger, which has its row. The copy of a dead letter has none:
    it may be the first that counts."""
    return any(name == REPLAYED_HEADER and b"/" not in (value or b"") for name, value in record.headers)


def is_counted(record: ConsumerRecord) -> bool:
    """Whether the record is a snapshot whose spend the ledger has."""
    return any(name == COUNTED_HEADER for name, _ in record.headers)


def arrival_of(record: ConsumerRecord) -> Moment:
    """The arrival of the original where a header has it, but no later than the record's own timestamp."""
    arrival: Moment = record.timestamp
    for name, value in record.headers:
        if name == ARRIVAL_HEADER:
            try:
                return min(arrival, parse_moment((value or b"").decode()))
            except ValueError:  # not ours, or damaged: the record's own timestamp counts
                return arrival
    return arrival
