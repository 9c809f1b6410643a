"""The transactional producer of one owned partition. Whoever opens it later fences whoever had it."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer

__all__ = ["PartitionWriter", "Write"]

_BATCH_BYTES: Final = 900_000
#: The broker takes 1 MiB a batch; a value of nearly that much needs room for its headers.
_REQUEST_BYTES: Final = 16 * 1024 * 1024


class Write(NamedTuple):
    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class PartitionWriter:
    """One transaction a flush."""

    def __init__(self, transactional_id: str, client_options: Mapping[str, Any]) -> None:
        self._producer = AIOKafkaProducer(
            **client_options,
            transactional_id=transactional_id,
            acks="all",
            max_batch_size=_BATCH_BYTES,
            max_request_size=_REQUEST_BYTES,
            linger_ms=0,
        )

    async def open(self) -> None:
        """Fence the former owner; afterwards nothing of it can be added to the topics."""
        await self._producer.start()

    async def write(self, writes: Iterable[Write]) -> None:
        """All of it or nothing. An error leaves the transaction open: the process must end and be started again."""
        await self._producer.begin_transaction()
        where = attrgetter("topic", "partition")
        for (topic, partition), group in groupby(sorted(writes, key=where), key=where):
            await self._write_partition(topic, partition, group)
        await self._producer.commit_transaction()

    async def close(self) -> None:
        await self._producer.stop()

    async def _write_partition(self, topic: str, partition: int, writes: Iterable[Write]) -> None:
        batch = self._producer.create_batch()
        for write in writes:
            while batch.append(key=write.key, value=write.value, timestamp=None, headers=list(write.headers)) is None:
                batch.close()
                await self._producer.send_batch(batch, topic, partition=partition)
                batch = self._producer.create_batch()
        batch.close()
        await self._producer.send_batch(batch, topic, partition=partition)
