"""Faults in random combination: two workers, the ledger, PostgreSQL and the broker are killed and frozen under traffic,
and the end is what a model says that shares no code with the product.

`make faults` runs it with SPENDGATE_FAULTS=200; SPENDGATE_FAULTS_SEED draws another order.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

import pytest
from pydantic import SecretStr

from local.kafka import LocalKafka
from local.ports import choose_port
from local.postgres import LocalPostgres
from models.migrations import migrate
from streams.kafka.provision import create_topics
from streams.settings import Settings
from tests.faults.database_counts import until_rows
from tests.faults.traffic import Traffic
from tests.streams.worker_process import WorkerProcess

SEED: Final = int(os.environ.get("SPENDGATE_FAULTS_SEED", "20261126"))
FAULTS: Final = int(os.environ.get("SPENDGATE_FAULTS") or 20)
PARTITIONS: Final = 4
#: A worker that was frozen for longer loses its partitions to the other one.
FROZEN_SECONDS: Final = 9.0
#: Of a worker that was fenced, and of a process that begins while the broker or PostgreSQL is away.
EXPECTED: Final = {(name, code) for name in ("worker-1", "worker-2", "ledger") for code in (5, 70)}

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(600 + 120 * FAULTS),
]


class World:
    """All processes, and what is done to them."""

    def __init__(self, folder: Path, prefix: str, random: Random) -> None:
        self.kafka = LocalKafka(folder / "kafka-data", choose_port(0, "test"))
        self.postgres = LocalPostgres(folder / "postgres-data", choose_port(0, "test"))
        self.exits: Counter[tuple[str, int]] = Counter()
        self._folder = folder
        self._prefix = prefix
        self._random = random
        self._supervised: list[WorkerProcess] = []
        self._away: set[WorkerProcess] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Settings]:
        self.kafka.start()
        self.postgres.start()
        supervising = None
        try:
            migrate.upgrade(self.postgres.url)
            settings = Settings(
                brokers=self.kafka.brokers,
                database_url=SecretStr(self.postgres.url),
                topic_prefix=self._prefix,
                partitions=PARTITIONS,
            )
            await create_topics(settings)
            spendgate = str(Path(sys.executable).with_name("spendgate"))
            url = {"SPENDGATE_DATABASE_URL": self.postgres.url}
            for name, program in (("worker-1", "worker"), ("worker-2", "worker"), ("ledger", "ledger")):
                process = WorkerProcess(settings, self._folder / f"{name}.log", [spendgate, program], **url)
                process.start()
                self._supervised.append(process)
            supervising = asyncio.create_task(self._supervise())
            yield settings
        finally:
            if supervising:
                supervising.cancel()
            for process in self._supervised:
                process.kill()
            self.kafka.kill()
            self.postgres.stop()

    async def fault(self) -> str:
        """One of them, drawn; returns when what was killed runs again."""
        faults: list[Callable[[], Awaitable[str]]] = [
            lambda: self._kill(self._random.randrange(2)),
            lambda: self._freeze(self._random.randrange(2)),
            lambda: self._kill(2),
            self._kill_postgres,
            self._kill_kafka,
        ]
        return await self._random.choice(faults)()

    async def _kill(self, number: int) -> str:
        process = self._supervised[number]
        self._away.add(process)
        process.kill()
        process.start()
        self._away.discard(process)
        return "kill -9 of a worker" if number < 2 else "kill -9 of the ledger"

    async def _freeze(self, number: int) -> str:
        process = self._supervised[number]
        process.freeze()
        await asyncio.sleep(FROZEN_SECONDS)  # the fault is that long
        process.wake()
        return f"a worker frozen for {FROZEN_SECONDS:g} s"

    async def _kill_postgres(self) -> str:
        await asyncio.to_thread(self.postgres.kill)
        await asyncio.to_thread(self.postgres.start)
        return "kill -9 of PostgreSQL"

    async def _kill_kafka(self) -> str:
        await asyncio.to_thread(self.kafka.kill)
        await asyncio.to_thread(self.kafka.start)
        return "kill -9 of the broker"

    async def _supervise(self) -> None:
        """Start again what has ended itself; any other end is a failure."""
        while True:
            for process in self._supervised:
                if process not in self._away and process.exit_code is not None:
                    self.exits[process.log.stem, process.exit_code] += 1
                    process.start()
            await asyncio.sleep(0.05)


async def test_faults_in_random_combination_cost_no_record(topic_prefix: str, tmp_path: Path) -> None:
    random = Random(SEED)
    world = World(tmp_path, topic_prefix, random)
    done: Counter[str] = Counter()
    worst: dict[str, float] = {}
    async with world.running() as settings:
        traffic = Traffic(settings.brokers, topic_prefix, PARTITIONS, seed=SEED, brands=6)
        try:
            await traffic.start()
            began = time.monotonic()
            for _ in range(FAULTS):
                names: list[str] = []

                async def one(names: list[str] = names) -> None:
                    names.append(await world.fault())

                silence = await traffic.during(one())
                done[names[0]] += 1
                worst[names[0]] = max(silence, worst.get(names[0], 0.0))
                print(f"{names[0]}: {silence:.1f} s", flush=True)
            seconds = time.monotonic() - began
            counted = await traffic.finish()
            await until_rows(
                settings,
                "SELECT campaign_id, (sum(amount) * 1000000)::bigint FROM spend_log GROUP BY 1",
                traffic.micros,
            )
            journal = "SELECT campaign_id, count(*) FROM control_log GROUP BY 1 HAVING count(*) = max(sequence)"
            await until_rows(settings, journal, traffic.sequences())
        finally:
            traffic.close()
    assert set(world.exits) <= EXPECTED, world.exits
    print(f"\n{done.total()} faults in {seconds:.0f} s, seed {SEED}: {counted}; exits {dict(world.exits)}")
    for name, count in sorted(done.items()):
        print(f"| {name} | {count} | {worst[name]:.1f} s |")
