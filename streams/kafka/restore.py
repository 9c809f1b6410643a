"""Reads records of `controller-state` into the core's changelog: single records, or partitions up to their end."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from core.changelog import Applied, Changelog
from streams.kafka.truncation import TruncatedBytes, Undecodable

__all__ = ["apply_record", "read_changelogs"]

log = structlog.get_logger()

_POLL_MS: Final = 100
_POLL_RECORDS: Final = 50_000
_FETCH_BYTES: Final = 8 * 1024 * 1024


async def read_changelogs(
    client_options: Mapping[str, Any], topic: str, partitions: Iterable[int], count: Callable[[int], None]
) -> dict[int, Changelog]:
    """The changelog of each partition, with what is committed when this is called. `count` is called with the number
    of records of each fetch."""
    tps = [TopicPartition(topic, partition) for partition in partitions]
    changelogs = {tp.partition: Changelog() for tp in tps}
    consumer = AIOKafkaConsumer(
        **client_options,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    await consumer.start()
    try:
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        await consumer.seek_to_beginning(*tps)
        # Compacted and transactional logs end in offsets that bear no record, so positions are compared, not records.
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for tp, records in (await consumer.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)).items():
                count(len(records))
                for record in records:
                    apply_record(changelogs[tp.partition], record)
    finally:
        await consumer.stop()
    return changelogs


def apply_record(changelog: Changelog, record: ConsumerRecord) -> Applied:
    """Apply a record of the changelog's partition. One that the controller did not write changes nothing and is logged:
    an undecodable batch, a value that was cut because of its size, a foreign key, a forged `part`."""
    value = record.value
    if isinstance(value, Undecodable):
        applied = changelog.skip(value.why)
    elif isinstance(value, TruncatedBytes):
        applied = changelog.skip(f"the value has {value.length} bytes")
    else:
        applied = changelog.apply(record.key, value)
    if applied.skipped is not None:
        where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        log.warning("state_record_skipped", **where, why=applied.skipped)
    return applied
