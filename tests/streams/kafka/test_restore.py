"""What a restore waits for."""

from collections import defaultdict
from collections.abc import Awaitable
from typing import Any, Final

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.fetch import FetchRequest

import streams.kafka.restore
from streams.settings import Settings
from streams.worker.offset_queries import OffsetQueries
from streams.worker.partition_restore import PartitionRestore
from streams.worker.transaction import PartitionWriter
from tests.streams.broker import Broker, brand_in
from tests.streams.conftest import StartWorker

#: How long a broker by default holds the answer to a fetch that finds no records.
FETCH_WAIT_MS: Final = 500


class Waits:
    """How long brokers may hold requests back, because a fetch that finds nothing stands before them: a broker answers
    the requests of a connection one after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.milliseconds = 0
        self._unanswered: defaultdict[AIOKafkaConnection, list[int]] = defaultdict(list)
        self._send = AIOKafkaConnection.send
        monkeypatch.setattr(AIOKafkaConnection, "send", lambda *given, **named: self._sent(*given, **named))

    def _sent(self, connection: AIOKafkaConnection, request: Any, **named: Any) -> Awaitable[Any]:
        before = self._unanswered[connection]
        self.milliseconds += sum(before)
        before.clear()
        answer: Awaitable[Any] = self._send(connection, request, **named)
        if not isinstance(request, FetchRequest):
            return answer
        before.append(request._max_wait_ms)
        return self._answered(answer, before)

    async def _answered(self, answer: Awaitable[Any], before: list[int]) -> Any:
        answered = await answer  # one that is cancelled stays before what follows
        before.clear()
        return answered


async def test_partitions_are_restored_without_a_wait_for_each(
    broker: Broker, settings: Settings, new_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await new_worker(settings).started()
    numbers = list(range(settings.partitions))
    for number in numbers:
        await broker.brand(brand_in(number, settings.partitions, "brand"))
    await broker.until_settled()
    assert await worker.stop() == 0

    offsets = OffsetQueries(settings)
    await offsets.start()
    try:
        waits = Waits(monkeypatch)
        monkeypatch.setattr(streams.kafka.restore, "_TURN_RECORDS", 1)  # as often as with thousands of records
        restore = PartitionRestore(settings, offsets, (), lambda _: None, _open_no_producer)
        restored = await restore.restore(numbers)
    finally:
        await offsets.stop()
    assert {number: len(state.brands) for number, state in restored.states.items()} == dict.fromkeys(numbers, 1)
    assert waits.milliseconds < FETCH_WAIT_MS


async def _open_no_producer(_writer: PartitionWriter, _seconds: float) -> None:
    raise AssertionError("no partition is of an older release")
