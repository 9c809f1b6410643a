"""Reads partitions of the state topic to their end, in bulk: the latest value of every key."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

__all__ = ["read_latest"]

_POLL_MS: Final = 100
_POLL_RECORDS: Final = 50_000
_FETCH_BYTES: Final = 8 * 1024 * 1024


async def read_latest(
    client_options: Mapping[str, Any], topic: str, partitions: Iterable[int], note: Callable[[int], None]
) -> dict[int, dict[str, bytes]]:
    """Partition -> key -> value, as committed when this is called; deleted keys are left out. `note` is told how many
    records came."""
    tps = [TopicPartition(topic, partition) for partition in partitions]
    latest: dict[int, dict[str, bytes]] = {tp.partition: {} for tp in tps}
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
        # Compacted and transactional logs end in offsets that bear no record: the position tells, not the records.
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for tp, records in (await consumer.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)).items():
                note(len(records))
                values = latest[tp.partition]
                for record in records:
                    if record.value is None:
                        values.pop(record.key.decode(), None)
                    else:
                        values[record.key.decode()] = record.value
    finally:
        await consumer.stop()
    return latest
