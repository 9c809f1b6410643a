"""What Kafka may lose of a committed transaction, and how it is found.

Where no broker leads a partition at the moment when its coordinator wants to tell it the commit, Kafka 4.3.1 takes the
partition for a deleted one and never tells it. The records stay hidden from readers of what is committed until the next
transaction of the same producer ends there: with it they are committed, or aborted. docs/reliability.md has the case.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from core.moment import Moment
from streams.kafka.identities import WORKER_GROUP
from streams.kafka.options import librdkafka_options
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings
from streams.worker.writes import Write

__all__ = ["CommittedWrites"]

#: By how much the clocks of the worker and of a broker may differ, and what a record may wait for its timestamp. Where
#: they differ by more, records are written a second time, which readers leave out.
_CLOCKS_MS: Final = 60_000
_STEP_SECONDS: Final = 5.0
#: How long nothing may come of a partition until its reading is given up.
_SILENT_SECONDS: Final = 5.0
#: How old copies of spend are at most that are looked for.
_LONGEST_OF_INPUTS_MS: Final = 120_000
_AT_ONCE: Final = 1000
_POLL_SECONDS: Final = 0.02


#: Keys and values of records, and how many of each.
_Contents = Counter[tuple[bytes | None, bytes | None]]


#: Topic and number of a partition.
_Place = tuple[str, int]


class _Committed(NamedTuple):
    began_at: Moment
    batches: list[Sequence[Write]]


class CommittedWrites:
    """Of each topic partition what the last committed transaction wrote there, of the topics that a worker may read:
    commands, states, and copies of spend. Those of alerts, dead letters and heartbeats cannot be looked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._inputs = {settings.topic(it) for it in INPUTS}
        self._readable = {settings.topic(it) for it in (Topic.CAMPAIGN_CONTROL, Topic.CONTROLLER_STATE, *INPUTS)}
        self._last: dict[_Place, _Committed] = {}
        self._doubted: set[_Place] = set()

    def note(self, batches: Iterable[Sequence[Write]], began_at: Moment) -> None:
        """A transaction that began at that moment is committed. Each batch is of one topic partition."""
        last: dict[_Place, _Committed] = {}
        for batch in batches:
            if batch[0].topic in self._readable:
                last.setdefault((batch[0].topic, batch[0].partition), _Committed(began_at, [])).batches.append(batch)
        self._last |= last
        self._doubted -= last.keys()

    def doubt(self, batches: Iterable[Sequence[Write]]) -> None:
        """A later transaction with these batches may be aborted, and what was committed before in their partitions with
        it. In others it stays as it is, and their leaders need not be waited for."""
        self._doubted |= {(it[0].topic, it[0].partition) for it in batches if it[0].topic in self._readable}

    @property
    def is_in_doubt(self) -> bool:
        return not self._doubted.isdisjoint(self._last)

    def endings(self) -> list[Write]:
        """A record for each topic partition in doubt, to be aborted."""
        return [Write(topic, number, b"aborted", None) for topic, number in sorted(self._doubted)]

    def find_lost(self, now: Moment, is_closing: Callable[[], bool]) -> list[Write]:
        """The records in doubt that a reader of what is committed does not find; they stay in doubt until they are
        committed again. Copies of spend are looked for where they are young, because their topics have much more.
        Raises KafkaException where it cannot be known now, or is not wanted any more."""
        in_doubt = {
            place: it
            for place in sorted(self._doubted & self._last.keys())
            if (it := self._last[place]).began_at >= now - _LONGEST_OF_INPUTS_MS or place[0] not in self._inputs
        }
        consumer = Consumer(
            {
                **librdkafka_options(self._settings),
                "group.id": self._settings.topic(WORKER_GROUP),
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )
        try:
            lost = {place: _lost(consumer, place, it, is_closing) for place, it in in_doubt.items()}
        finally:
            consumer.close()
        for place, of in lost.items():
            if of:
                self._last[place] = in_doubt[place]._replace(batches=[of])
            else:
                del self._last[place]
        self._doubted = {place for place, of in lost.items() if of}
        return [write for of in lost.values() for write in of]


def _lost(consumer: Consumer, place: _Place, committed: _Committed, is_closing: Callable[[], bool]) -> list[Write]:
    """The records that are not among those that the partition has since the transaction began."""
    since = TopicPartition(*place, committed.began_at - _CLOCKS_MS)
    [start] = consumer.offsets_for_times([since], timeout=_STEP_SECONDS)
    if start.error is not None:
        raise KafkaException(start.error)
    writes = [write for batch in committed.batches for write in batch]
    if start.offset < 0:  # the partition has nothing that is so young
        return writes
    awaited = Counter((write.key, write.value) for write in writes)
    consumer.assign([start])
    until = monotonic() + _SILENT_SECONDS
    while awaited and monotonic() < until and not is_closing():
        records = consumer.consume(_AT_ONCE, _POLL_SECONDS)
        if records:
            until = monotonic() + _SILENT_SECONDS
        for record in records:
            error = record.error()
            if error is None:
                _remove(awaited, (record.key(), record.value()))
            elif error.code() == KafkaError._PARTITION_EOF:
                return _of(awaited, writes)
            elif not error.retriable():
                raise KafkaException(error)
    if awaited:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
    return []


def _of(awaited: _Contents, writes: Iterable[Write]) -> list[Write]:
    """As many of the records with each key and value as are awaited."""
    return [write for write in writes if _remove(awaited, (write.key, write.value))]


def _remove(awaited: _Contents, content: tuple[bytes | None, bytes | None]) -> bool:
    """Whether it was awaited, which it is once less."""
    if content not in awaited:
        return False
    awaited[content] -= 1
    if not awaited[content]:
        del awaited[content]
    return True
