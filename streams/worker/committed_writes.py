"""What Kafka may lose of a committed transaction, and how it is found.

Where no broker leads a partition at the moment when its coordinator wants to tell it the commit, Kafka 4.3.1 takes the
partition for a deleted one and never tells it. The records stay hidden from readers of what is committed until the next
transaction of the same producer ends there: with it they are committed, or aborted. docs/reliability.md has the case.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from core.errors import SpendgateError
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
#: How long another producer's transaction may hide what comes after it. A broker ends one after a minute; one whose end
#: Kafka forgot stays, and what it hides is then written a second time, which readers leave out.
_HIDDEN_SECONDS: Final = 90.0
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


class _Hidden(SpendgateError, KafkaException):  # type: ignore[misc]
    """Another producer's transaction is open before the end of the partition."""


class CommittedWrites:
    """Of each topic partition what the last committed transaction wrote there, of the topics that a worker may read:
    commands, states, and copies of spend. Those of alerts, dead letters and heartbeats cannot be looked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._inputs = {settings.topic(it) for it in INPUTS}
        self._readable = {settings.topic(it) for it in (Topic.CAMPAIGN_CONTROL, Topic.CONTROLLER_STATE, *INPUTS)}
        self._last: dict[_Place, _Committed] = {}
        self._doubted: set[_Place] = set()
        self._hidden_since: float | None = None

    def note(self, batches: Iterable[Sequence[Write]], began_at: Moment) -> None:
        """A transaction that began at that moment is committed. Each batch is of one topic partition."""
        last: dict[_Place, _Committed] = {}
        for batch in batches:
            if batch[0].topic in self._readable:
                last.setdefault((batch[0].topic, batch[0].partition), _Committed(began_at, [])).batches.append(batch)
        self._last |= last
        self._doubted -= last.keys()

    def doubt(self, batches: Iterable[Sequence[Write]], now: Moment) -> None:
        """A later transaction with these batches may be aborted, and what was committed before in their partitions with
        it. In others it stays as it is, and their leaders need not be waited for. Copies of spend are doubted where
        they are young, because their topics have much more to read."""
        for place in {(it[0].topic, it[0].partition) for it in batches} & self._last.keys():
            if place[0] not in self._inputs or self._last[place].began_at >= now - _LONGEST_OF_INPUTS_MS:
                self._doubted.add(place)

    @property
    def is_in_doubt(self) -> bool:
        return bool(self._doubted)

    def endings(self) -> list[Write]:
        """A record for each topic partition in doubt, to be aborted."""
        return [Write(topic, number, b"aborted", None) for topic, number in sorted(self._doubted)]

    def find_lost(self, is_closing: Callable[[], bool]) -> list[Write]:
        """The records in doubt that a reader of what is committed does not find; they stay in doubt until they are
        committed again. Raises KafkaException where it cannot be known now, or is not wanted any more."""
        may_wait = self._hidden_since is None or monotonic() - self._hidden_since < _HIDDEN_SECONDS
        lost: dict[_Place, list[Write]] = {}
        with self._reader("read_uncommitted") as of_all, self._reader("read_committed") as of_committed:
            for place in sorted(self._doubted):
                since = TopicPartition(*place, self._last[place].began_at - _CLOCKS_MS)
                writes = [write for batch in self._last[place].batches for write in batch]
                [start] = of_all.offsets_for_times([since], timeout=_STEP_SECONDS)
                if start.error is not None:
                    raise KafkaException(start.error)
                if start.offset < 0:  # the partition has nothing that is so young
                    lost[place] = writes
                    continue
                _, end = of_all.get_watermark_offsets(start, timeout=_STEP_SECONDS)
                try:
                    lost[place] = _lost(of_committed, start, end if may_wait else start.offset, writes, is_closing)
                except _Hidden:
                    self._hidden_since = self._hidden_since or monotonic()
                    raise
        self._hidden_since = None
        for place, of in lost.items():
            if of:
                self._last[place] = self._last[place]._replace(batches=[of])
            else:
                del self._last[place]
                self._doubted.remove(place)
        return [write for of in lost.values() for write in of]

    @contextmanager
    def _reader(self, isolation: str) -> Iterator[Consumer]:
        consumer = Consumer(
            {
                **librdkafka_options(self._settings),
                "group.id": self._settings.topic(WORKER_GROUP),
                "isolation.level": isolation,
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )
        try:
            yield consumer
        finally:
            consumer.close()


def _lost(
    consumer: Consumer, start: TopicPartition, end: int, writes: Iterable[Write], is_closing: Callable[[], bool]
) -> list[Write]:
    """The records that are not committed in the partition from the start up to the end."""
    awaited = Counter((write.key, write.value) for write in writes)
    is_hidden = False
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
                is_hidden = False
            elif error.code() == KafkaError._PARTITION_EOF:
                if record.offset() >= end:
                    return _of(awaited, writes)
                is_hidden = True  # of what is committed this is the end, before the first open transaction
            elif not error.retriable():
                raise KafkaException(error)
    if awaited:
        raise (_Hidden if is_hidden else KafkaException)(KafkaError(KafkaError._TIMED_OUT))
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
