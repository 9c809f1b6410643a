"""The steps of docs/disaster-recovery.md, "A transaction that does not end", as an operator takes them: a broker that
is killed right after a commit may forget to write its end.
"""

import asyncio
import os
import subprocess
from collections.abc import Sequence
from typing import Final, NamedTuple

from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.commands import EXECUTABLE
from tests.streams.worker_process import WorkerProcess

__all__ = ["Operator"]

PATIENCE_SECONDS: Final = 120
_HIDDEN: Final = "neither committed nor aborted"
_GOES_ON: Final = "partition_goes_on"
_STATE_IS_OLDER: Final = "and the state knows it only up to"


class _Hanging(NamedTuple):
    topic: str
    partition: str
    start_offset: str


class Operator:
    """`ended` has the topics and partitions of the transactions that were aborted by hand, `decided_again` the
    partitions whose state was in one: what they had decided in it, and may have told, they decide a second time."""

    def __init__(self, settings: Settings, workers: Sequence[WorkerProcess]) -> None:
        self.ended: list[str] = []
        self.decided_again: set[int] = set()
        self._settings = settings
        self._workers = workers

    async def attend_to(self, process: WorkerProcess) -> None:
        """Do what the last sentence of a process leads to, of one that has ended itself before it begins again. Kafka's
        tool shows a transaction when it is a minute old; until then there is nothing to do."""
        output = process.output
        if process.exit_code is not None and _STATE_IS_OLDER in output and self.ended:
            await self._forget_group()
        elif output.rfind(_HIDDEN) > output.rfind(_GOES_ON):
            for it in await self._hanging():
                if it.topic == self._settings.topic(Topic.CONTROLLER_STATE):
                    self.decided_again.add(int(it.partition))  # before, for the worker may be sooner than the tool
                place = ["--topic", it.topic, "--partition", it.partition, "--start-offset", it.start_offset]
                if not (await self._tool(["kafka-transactions", "abort", *place])).returncode:
                    self.ended.append(f"{it.topic}-{it.partition}")

    async def _hanging(self) -> list[_Hanging]:
        found = ["find-hanging", "--broker-id", "1", "--max-transaction-timeout", "1"]
        listed = await self._tool(["kafka-transactions", *found])
        rows = [line.split() for line in listed.stdout.splitlines() if line.startswith(self._settings.topic_prefix)]
        return [_Hanging(topic, partition, rest[3]) for topic, partition, *rest in rows]

    async def _forget_group(self) -> None:
        for worker in self._workers:
            worker.kill()
        group = self._settings.topic("spendgate-worker")
        async with asyncio.timeout(PATIENCE_SECONDS):
            deleted = ["kafka-consumer-groups", "--group", group, "--delete"]
            while "was successful" not in (await self._tool(deleted)).stdout:
                continue  # for the length of a session Kafka takes those that were killed for members
        for worker in self._workers:
            worker.start()

    async def _tool(self, arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        """Its failure is no end: the broker may be on its way down or up."""
        return await asyncio.to_thread(_run, self._settings.brokers, arguments)


def _run(brokers: str, arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [EXECUTABLE, "kafka", *arguments],
        env={**os.environ, "SPENDGATE_BROKERS": brokers},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
