"""The steps of docs/disaster-recovery.md, "A transaction that does not end", as an operator takes them: a broker that
is killed right after a commit may forget to write its end.
"""

import asyncio
import subprocess
from collections.abc import Sequence
from typing import Final

from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.faults.hanging import hanging_transactions, run_tool
from tests.streams.worker_process import WorkerProcess

__all__ = ["Operator"]

PATIENCE_SECONDS: Final = 120
_HIDDEN: Final = "neither committed nor aborted"
_GOES_ON: Final = "partition_goes_on"
_STATE_IS_OLDER: Final = "and the state knows it only up to"


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
            place = self._settings.brokers, self._settings.topic_prefix
            for it in await asyncio.to_thread(hanging_transactions, *place):
                if it.topic == self._settings.topic(Topic.CONTROLLER_STATE):
                    self.decided_again.add(it.partition)  # before, for the worker may be sooner than the tool
                which = ["--topic", it.topic, "--partition", str(it.partition), "--start-offset", it.start_offset]
                if not (await self._tool(["kafka-transactions", "abort", *which])).returncode:
                    self.ended.append(f"{it.topic}-{it.partition}")

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
        return await asyncio.to_thread(run_tool, self._settings.brokers, arguments)
