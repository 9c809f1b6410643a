"""The network to Kafka or PostgreSQL delays, stands still, cuts off in the middle of an answer and resets, in random
combination under traffic: the end is what a model says that shares no code with the product.

SPENDGATE_FAULTS_SEED draws another order, SPENDGATE_FAULTS says how many.
"""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url
from typing_extensions import override

from local.kafka import LocalKafka
from local.ports import HOST, choose_port
from local.postgres import LocalPostgres
from models.migrations import migrate
from streams.kafka.provision import create_topics
from streams.settings import Settings
from tests.faults.database_counts import until_rows
from tests.faults.tcp_proxy import FaultyProxy, Mode
from tests.faults.traffic import Traffic
from tests.streams.worker_process import WorkerProcess

SEED: Final = int(os.environ.get("SPENDGATE_FAULTS_SEED", "20261126"))
FAULTS: Final = int(os.environ.get("SPENDGATE_FAULTS") or 20)
PARTITIONS: Final = 4
#: A network that stands still for longer costs a worker its session.
LONGEST_FAULT_SECONDS: Final = 12.0

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(600 + 120 * FAULTS),
]


class ProxiedKafka(LocalKafka):
    """Beside its own listener it has one whose clients are sent to `proxy_port`."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir, choose_port(0, "test"))
        self.proxy_port = choose_port(0, "test")
        self.behind_port = choose_port(0, "test")

    @override
    def _further_settings(self, controller_port: int) -> str:
        own = f"PLAINTEXT://{HOST}:{self.port}"
        return (
            f"listeners={own},BEHIND://{HOST}:{self.behind_port},CONTROLLER://{HOST}:{controller_port}\n"
            f"advertised.listeners={own},BEHIND://{HOST}:{self.proxy_port}\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,BEHIND:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
            "inter.broker.listener.name=PLAINTEXT\n"
        )


class Installation:
    """Two workers and a ledger, whose ways to Kafka and to PostgreSQL are proxies; who ends is started again."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self.kafka = ProxiedKafka(folder / "kafka-data")
        self.postgres = LocalPostgres(folder / "postgres-data", choose_port(0, "test"))
        self.exits: Counter[tuple[str, int]] = Counter()
        self.to_kafka = FaultyProxy(self.kafka.proxy_port, self.kafka.behind_port)
        self.to_postgres = FaultyProxy(choose_port(0, "test"), self.postgres.port)
        self.direct = Settings()
        self._folder = folder
        self._prefix = prefix

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        processes: list[WorkerProcess] = []
        supervising = None
        self.kafka.start()
        self.postgres.start()
        try:
            migrate.upgrade(self.postgres.url)
            url = make_url(self.postgres.url)
            self.direct = Settings(
                brokers=self.kafka.brokers,
                database_url=SecretStr(self.postgres.url),
                topic_prefix=self._prefix,
                partitions=PARTITIONS,
                flush_interval_seconds=0.05,
            )
            await create_topics(self.direct)
            self.to_kafka.open()
            self.to_postgres.open()
            behind = self.direct.model_copy(update={"brokers": f"{HOST}:{self.to_kafka.port}"})
            by_proxy = url.set(port=self.to_postgres.port).render_as_string(hide_password=False)
            spendgate = str(Path(sys.executable).with_name("spendgate"))
            for name, program in (("worker-1", "worker"), ("worker-2", "worker"), ("ledger", "ledger")):
                command = [spendgate, program]
                log = self._folder / f"{name}.log"
                processes.append(WorkerProcess(behind, log, command, SPENDGATE_DATABASE_URL=by_proxy))
                processes[-1].start()
            supervising = asyncio.create_task(self._supervise(processes))
            yield
        finally:
            if supervising:
                supervising.cancel()
            for process in processes:
                process.kill()
            self.to_kafka.close()
            self.to_postgres.close()
            self.kafka.kill()
            self.postgres.stop()

    async def _supervise(self, processes: list[WorkerProcess]) -> None:
        while True:
            for process in processes:
                if process.exit_code is not None:
                    self.exits[process.log.stem, process.exit_code] += 1
                    process.start()
            await asyncio.sleep(0.05)


async def test_a_faulty_network_costs_no_record(topic_prefix: str, tmp_path: Path) -> None:
    random = Random(SEED)
    installation = Installation(tmp_path, topic_prefix)
    worst: dict[str, list[float]] = {}
    async with installation.running():
        traffic = Traffic(installation.direct.brokers, topic_prefix, PARTITIONS, seed=SEED, brands=6)
        try:
            await traffic.start()
            for _ in range(FAULTS):
                name, proxy = random.choice(
                    [("Kafka", installation.to_kafka), ("PostgreSQL", installation.to_postgres)]
                )
                mode = random.choice([it for it in Mode if it is not Mode.PASS])
                seconds = random.uniform(1, LONGEST_FAULT_SECONDS)
                silence = await traffic.during(_fault(proxy, mode, seconds))
                worst.setdefault(f"{mode.value} on the way to {name}", []).append(silence)
                print(f"{mode.value} to {name} for {seconds:.1f} s: {silence:.1f} s", flush=True)
            counted = await traffic.finish()
            spend = "SELECT campaign_id, (sum(amount) * 1000000)::bigint FROM spend_log GROUP BY 1"
            await until_rows(installation.direct, spend, traffic.micros)
            journal = "SELECT campaign_id, count(*) FROM control_log GROUP BY 1 HAVING count(*) = max(sequence)"
            await until_rows(installation.direct, journal, traffic.sequences())
        finally:
            traffic.close()
    assert {code for _, code in installation.exits} <= {5, 70}, installation.exits
    assert installation.to_kafka.passed_bytes > 0 and installation.to_postgres.passed_bytes > 0
    print(f"\n{FAULTS} faults, seed {SEED}: {counted}; exits {dict(installation.exits)}")
    for name, times in sorted(worst.items()):
        print(f"| {name} | {len(times)} | {max(times):.1f} s |")


async def _fault(proxy: FaultyProxy, mode: Mode, seconds: float) -> None:
    proxy.mode = mode
    try:
        await asyncio.sleep(seconds)  # the fault is that long
    finally:
        proxy.mode = Mode.PASS
