"""Two workers, the ledger, PostgreSQL and one broker, for tests to kill and freeze, and what a test has beside them;
what ends itself begins again."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from core.errors import ExitCode
from local.kafka import LocalKafka
from local.ports import choose_port
from local.postgres import LocalPostgres
from models.migrations import migrate
from models.session import engine_of
from streams.kafka.provision import create_topics
from streams.settings import Settings, Timestamps
from tests.commands import EXECUTABLE
from tests.faults.database_counts import until_rows
from tests.faults.forgotten_end import Operator
from tests.faults.runs import SEED
from tests.faults.traffic import Traffic
from tests.streams.worker_process import WorkerProcess

__all__ = ["PARTITIONS", "World"]

PARTITIONS: Final = 4
#: Of a worker that was fenced, and of a process that begins while the broker or PostgreSQL is away.
_EXPECTED: Final = {ExitCode.RESTART, ExitCode.UNREACHABLE}

#: Seconds until a process begins again, by its exit code.
_PAUSES: Final = {int(ExitCode.UNREACHABLE): 3.0}
#: Seconds between two looks at what a process says that runs.
_POLL_SECONDS: Final = 2.0


_Traffic = TypeVar("_Traffic", bound=Traffic)


class World:
    """All of it in one folder, from `running` on."""

    def __init__(self, folder: Path, prefix: str, timestamps: Timestamps = Timestamps.APPEND) -> None:
        self.kafka: LocalKafka = LocalKafka(folder / "kafka-data", choose_port(0, "test"))
        self.postgres = LocalPostgres(folder / "postgres-data", choose_port(0, "test"))
        self.processes: list[WorkerProcess] = []  # both workers, the ledger, then what `begin` has begun
        self.exits: Counter[tuple[str, int]] = Counter()  # by process and exit code
        self.settings = Settings()
        self.operator = Operator(self.settings, ())
        self._folder = folder
        self._prefix = prefix
        self._timestamps = timestamps

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.kafka.start()
        self.postgres.start()
        supervising = None
        try:
            migrate.upgrade(self.postgres.url)
            self.settings = Settings(
                brokers=self.kafka.brokers,
                database_url=self.postgres.url,
                topic_prefix=self._prefix,
                partitions=PARTITIONS,
                timestamps=self._timestamps,
            )
            await create_topics(self.settings)
            for name, program in (("worker-1", "worker"), ("worker-2", "worker"), ("ledger", "ledger")):
                self.begin(name, [str(EXECUTABLE), program])
            self.operator = Operator(self.settings, self.processes[:2])
            supervising = asyncio.create_task(self._supervise())
            yield
        finally:
            if supervising:
                supervising.cancel()
            for process in self.processes:
                process.kill()
            self.kafka.kill()
            engine_of(self.postgres.url).dispose()
            self.postgres.stop()
            if supervising:
                with suppress(asyncio.CancelledError):
                    await supervising  # raises what it has failed by

    def begin(self, name: str, command: Sequence[str], **environment: str) -> WorkerProcess:
        """Start a process that is begun again when it ends itself. Its output is in `NAME.log`."""
        given = self.for_processes()
        environment["SPENDGATE_DATABASE_URL"] = given.database
        process = WorkerProcess(given, self._folder / f"{name}.log", command, **environment)
        process.start()
        self.processes.append(process)
        return process

    def for_processes(self) -> Settings:
        """What they are told of where the services are."""
        return self.settings

    def traffic(self, *, seed: int, brands: int = 4) -> Traffic:
        return Traffic(*self.place, seed=seed, brands=brands, may_repeat=self.may_repeat)

    @property
    def place(self) -> tuple[str, str, int]:
        """Brokers, prefix of the topics and partitions."""
        return self.kafka.brokers, self._prefix, PARTITIONS

    def may_repeat(self, partition: int) -> bool:
        """What is decided again after an operator has aborted its partition's state comes a second time."""
        return partition in self.operator.decided_again

    async def count(self, traffic: Traffic, others: Mapping[str, int] = MappingProxyType({})) -> str:
        """End the traffic and compare worker, topics and ledger with its count and, in micros by campaign, what others
        have spent. Returns a line with the numbers."""
        counted = await traffic.finish()
        spend = "SELECT campaign_id, (sum(amount) * 1000000)::bigint FROM spend_log GROUP BY 1"
        await until_rows(self.settings, spend, {**traffic.micros, **others})
        journal = "SELECT campaign_id, count(*) FROM control_log GROUP BY 1 HAVING count(*) = max(sequence)"
        await until_rows(self.settings, journal, traffic.sequences())
        assert {code for _, code in self.exits} <= _EXPECTED, self.exits
        by_hand = f"; transactions without an end, aborted: {self.operator.ended}" if self.operator.ended else ""
        return f"{counted}; exits {dict(self.exits)}{by_hand}"

    async def is_exact(
        self, what: str, traffic: _Traffic, fault: Callable[["World", _Traffic], Awaitable[None]]
    ) -> None:
        """Send the traffic during a fault, compare all with its count, and print a line with the numbers."""
        try:
            await traffic.start()
            silence = await traffic.during(fault(self, traffic))
            print(f"\n{what}: nothing decided for {silence:.1f} s; {await self.count(traffic)} (seed {SEED})")
        finally:
            traffic.close()

    async def _supervise(self) -> None:
        """Start again what has ended itself, and with a pause what has found a service away: each start costs CPU, of
        which the service needs all to come back."""
        ended: dict[WorkerProcess, float] = {}
        looked_at: dict[WorkerProcess, float] = {}
        while True:
            for process in self.processes:
                code = process.exit_code
                if code is None:
                    ended.pop(process, None)
                    if looked_at.get(process, 0) + _POLL_SECONDS <= time.monotonic():
                        looked_at[process] = time.monotonic()
                        await self.operator.attend_to(process)
                elif ended.setdefault(process, time.monotonic()) + _PAUSES.get(code, 0) <= time.monotonic():
                    self.exits[process.log.stem, code] += 1
                    await self.operator.attend_to(process)
                    if process.exit_code is not None:
                        process.start()
            await asyncio.sleep(0.05)
