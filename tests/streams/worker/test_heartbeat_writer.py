"""When a heartbeat is due, without a broker."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from streams.settings import Settings
from streams.worker import heartbeat
from streams.worker.heartbeat import HeartbeatWriter


@pytest.fixture
async def answer(monkeypatch: pytest.MonkeyPatch) -> "asyncio.Future[Mapping[int, int]]":
    """Where the commands of the worker before end."""
    monkeypatch.setattr(heartbeat, "LONGEST_SILENCE_SECONDS", 0.0)
    return asyncio.get_running_loop().create_future()


async def test_a_heartbeat_that_cannot_be_written_yet_is_not_due_all_the_time(
    answer: "asyncio.Future[Mapping[int, int]]",
) -> None:
    async def find_ends(_partitions: Collection[int]) -> Mapping[int, int]:
        return await answer

    writer = HeartbeatWriter(0, Settings(partitions=1), find_ends)
    writer.restart()
    writer.note_committed(())
    await asyncio.sleep(0)
    assert writer.due_in() > 0
    answer.set_result({0: 5})
    async with asyncio.timeout(10):
        while writer.due_in() > 0:
            await asyncio.sleep(0.01)
    writer.close()
