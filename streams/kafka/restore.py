"""Reads records of `controller-state` into the core's changelog: single records, or a partition up to its end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from core.changelog import Applied, Changelog
from models.lazy_log import log
from streams.kafka.record_batches import as_decoded
from streams.kafka.truncation import TruncatedBytes, Undecodable

__all__ = ["apply_record", "changelog_consumer", "read_changelog"]

_POLL_MS: Final = 100
#: They take a MiB when they are decoded. Of 50,000 most leave the processor's caches before they are applied, and to
#: read takes a fifth more.
_POLL_RECORDS: Final = 2_000
_FETCH_BYTES: Final = 8 * 1024 * 1024
#: A fetch beyond the end is under way when a partition is read; the next partition is fetched after its answer.
_FETCH_WAIT_MS: Final = 10
#: A leader that has given nothing for so long is given up. A cluster that loses a broker has other leaders by then.
_SILENCE_SECONDS: Final = 40.0
#: After so many records the event loop goes round, by which the next fetch is sent and its answer comes in meanwhile.
_TURN_RECORDS: Final = 1_000


class _Record(Protocol):
    """What a changelog needs of a record, whoever decoded it."""

    offset: int
    key: bytes | None
    value: bytes | None


@asynccontextmanager
async def changelog_consumer(client_options: Mapping[str, Any]) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer for `read_changelog`."""
    consumer = AIOKafkaConsumer(
        **client_options,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        key_deserializer=as_decoded,
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=_FETCH_WAIT_MS,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def read_changelog(
    consumer: AIOKafkaConsumer, topic: str, partition: int, count: Callable[[int], None]
) -> Changelog:
    """The changelog of a partition, with what is committed when this is called. `count` is called with the number of
    records of each fetch. Raises KafkaTimeoutError where nothing comes for 40 s."""
    tp, changelog = TopicPartition(topic, partition), Changelog()
    try:
        async with asyncio.timeout(_SILENCE_SECONDS) as silence:
            consumer.assign([tp])
            end = (await consumer.end_offsets([tp]))[tp]
            await consumer.seek_to_beginning(tp)
            # Compacted and transactional logs end in offsets that bear no record, so positions are compared, not
            # records.
            reached = -1
            while (position := await consumer.position(tp)) < end:
                if position > reached:
                    reached = position
                    silence.reschedule(asyncio.get_running_loop().time() + _SILENCE_SECONDS)
                for records in (await consumer.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)).values():
                    count(len(records))
                    await _apply_all(changelog, tp, records)
    except TimeoutError as error:
        raise KafkaTimeoutError(f"{topic}, partition {partition}, gives nothing") from error
    return changelog


async def _apply_all(changelog: Changelog, tp: TopicPartition, records: Sequence[_Record]) -> None:
    for at in range(0, len(records), _TURN_RECORDS):
        await asyncio.sleep(0)
        for record in changelog.take(records[at : at + _TURN_RECORDS]):
            _apply(changelog, record, tp)


def apply_record(changelog: Changelog, record: ConsumerRecord) -> Applied:
    """Apply a record of the changelog's partition. One that the controller did not write changes nothing and is logged:
    an undecodable batch, a value that was cut because of its size, a foreign key, a forged `part`."""
    return _apply(changelog, record, record)


def _apply(changelog: Changelog, record: _Record, of: TopicPartition | ConsumerRecord) -> Applied:
    value = record.value
    if type(value) is bytes or value is None:
        applied = changelog.apply(record.key, value)
    elif isinstance(value, Undecodable):
        applied = changelog.skip(value.why)
    else:
        assert isinstance(value, TruncatedBytes)
        applied = changelog.skip(f"the value has {value.length} bytes")
    if applied.skipped is not None:
        where = {"topic": of.topic, "partition": of.partition, "offset": record.offset}
        log.warning("state_record_skipped", **where, why=applied.skipped)
    return applied
