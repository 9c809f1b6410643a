"""The network to Kafka or PostgreSQL delays, stands still, cuts off in the middle of an answer and resets, in random
combination under traffic: the end is what a model says that shares no code with the product.

SPENDGATE_FAULTS_SEED draws another order, SPENDGATE_FAULTS says how many: a quarter of it, as each goes on for a while,
and one at least, in runs that may go on at the same time.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

import pytest
from sqlalchemy.engine import make_url
from typing_extensions import override

from local.kafka import LocalKafka
from local.ports import HOST, choose_port
from streams.settings import Settings
from tests.faults.runs import Run, runs_of
from tests.faults.tcp_proxy import FaultyProxy, Mode
from tests.faults.world import World

FAULTS: Final = max(1, int(os.environ.get("SPENDGATE_FAULTS") or 80) // 4)
#: A run has so many at most.
RUN: Final = 25
#: A network that stands still for longer costs a worker its session.
LONGEST_FAULT_SECONDS: Final = 12.0

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(600 + 120 * min(FAULTS, RUN)),
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


class ProxiedWorld(World):
    """The ways of its processes to Kafka and to PostgreSQL are proxies."""

    def __init__(self, folder: Path, prefix: str) -> None:
        super().__init__(folder, prefix)
        self.kafka = kafka = ProxiedKafka(folder / "kafka-data")
        self.to_kafka = FaultyProxy(kafka.proxy_port, kafka.behind_port)
        self.to_postgres = FaultyProxy(choose_port(0, "test"), self.postgres.port)

    @override
    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.to_kafka.open()
        self.to_postgres.open()
        try:
            async with super().running():
                yield
        finally:
            self.to_kafka.close()
            self.to_postgres.close()

    @override
    def for_processes(self) -> Settings:
        database = make_url(self.postgres.url).set(port=self.to_postgres.port)
        return self.settings.replace(
            brokers=f"{HOST}:{self.to_kafka.port}", database_url=database.render_as_string(hide_password=False)
        )


@pytest.mark.parametrize("run", runs_of(FAULTS, at_most=RUN), ids=str)
async def test_a_faulty_network_costs_no_record(run: Run, topic_prefix: str, tmp_path: Path) -> None:
    world, random = ProxiedWorld(tmp_path, topic_prefix), Random(run.seed)
    worst: dict[str, list[float]] = defaultdict(list)
    async with world.running():
        traffic = world.traffic(seed=run.seed, brands=6)
        try:
            await traffic.start()
            for number in range(1, run.faults + 1):
                name, proxy = random.choice([("Kafka", world.to_kafka), ("PostgreSQL", world.to_postgres)])
                mode = random.choice([it for it in Mode if it is not Mode.PASS])
                seconds = random.uniform(1, LONGEST_FAULT_SECONDS)
                silence = await traffic.during(_fault(proxy, mode, seconds))
                worst[f"{mode.value} on the way to {name}"].append(silence)
                print(f"{number} of {run}: {mode.value} to {name} for {seconds:.1f} s: {silence:.1f} s", flush=True)
            counted = await world.count(traffic)
        finally:
            traffic.close()
    assert world.to_kafka.passed_bytes > 0 and world.to_postgres.passed_bytes > 0
    print(f"\n{run}: {counted}")
    for name, times in sorted(worst.items()):
        print(f"| {name} | {len(times)} | {max(times):.1f} s |")


async def _fault(proxy: FaultyProxy, mode: Mode, seconds: float) -> None:
    proxy.mode = mode
    try:
        await asyncio.sleep(seconds)  # the fault is that long
    finally:
        proxy.mode = Mode.PASS
