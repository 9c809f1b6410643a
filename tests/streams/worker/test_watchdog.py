"""When a process counts as one that stands still."""

import asyncio
from pathlib import Path

import pytest

from core.errors import ExitCode
from streams.settings import Settings, Timestamps
from streams.worker.fatal import EXIT_CODE
from streams.worker.watchdog import Watchdog
from tests.streams.broker import open_broker
from tests.streams.worker_process import READY_SECONDS, WorkerProcess


def test_what_is_waited_for_too_long_without_a_step_is_named() -> None:
    liveness = Watchdog(10)
    assert [liveness.check({"a flush": 1, "a poll": at}, at) for at in (0, 6, 10)] == [None] * 3
    assert liveness.check({"a flush": 1, "a poll": 11}, 11) == "a flush"


def test_a_step_forward_or_the_end_of_the_wait_begins_a_new_one() -> None:
    liveness = Watchdog(10)
    looks = [({"a flush": 1}, 0), ({"a flush": 2}, 8), ({"a flush": 2}, 16), ({}, 17), ({"a flush": 2}, 25)]
    assert [liveness.check(waiting, at) for waiting, at in looks] == [None] * 5
    assert liveness.check({"a flush": 2}, 34) is None


def test_a_process_that_was_frozen_is_not_one_that_stands_still() -> None:
    liveness = Watchdog(10)
    assert liveness.check({"a poll": 1}, 0) is None
    assert liveness.check({"a poll": 1}, 500) is None
    assert liveness.check({"a poll": 1}, 508) is None


@pytest.mark.parametrize("timestamps", [Timestamps.APPEND])
async def test_a_worker_that_stands_still_ends_itself_and_says_what_it_waited_for(
    settings: Settings, tmp_path: Path
) -> None:
    message = {"transaction": "partition", "event_loop": "a poll", "group": "--operation All --group"}
    message["crash"] = "right on the topic spend-events"
    codes = {"transaction": EXIT_CODE, "event_loop": EXIT_CODE, "group": ExitCode.UNREACHABLE}
    codes["crash"] = ExitCode.UNREACHABLE
    workers = []
    try:
        for defect in message:
            own = settings.replace(topic_prefix=f"{settings.topic_prefix}{defect}-", partitions=1)
            async with open_broker(own) as broker:
                await broker.brand("nike")
            command = [str(Path(__file__).with_name("stuck_worker.py")), defect]
            workers.append(WorkerProcess(own, tmp_path / f"{defect}.log", command))
            workers[-1].start()
        ended = await asyncio.gather(*(worker.ended(READY_SECONDS + 30) for worker in workers))
        assert dict(zip(message, ended, strict=True)) == codes
    finally:
        for worker in workers:
            worker.kill()
    for worker, words in zip(workers, message.values(), strict=True):
        last = worker.output.splitlines()[-1]
        assert "worker_ends_itself" in last
        assert words in last
        assert "\x1b" not in worker.output
