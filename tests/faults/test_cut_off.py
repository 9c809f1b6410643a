"""A broker that clients still reach, but neither the other two brokers nor a controller: the worker goes on with those
two, and what the third has not shared is not lost.

The networks are namespaces of the test's own, which need root and the command `ip`: the machine's network stays as it
is.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from local.readiness import serves
from streams.kafka.provision import create_topics
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.faults.cluster import BROKERS
from tests.faults.cut_off import CutOffCluster, TwoNetworks, entered
from tests.faults.runs import SEED
from tests.faults.traffic import Traffic
from tests.forks import ROOT
from tests.streams.worker_process import WorkerProcess

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(1200),
]

PARTITIONS: Final = 3
#: Longer than the session of a broker (9 s) and than the worker's client tries to deliver a record.
CUT_SECONDS: Final = 30.0


@pytest.fixture
def networks() -> Iterator[TwoNetworks]:
    networks = TwoNetworks()
    try:
        networks.make()
    except (OSError, subprocess.CalledProcessError) as error:
        networks.remove()
        pytest.skip(f"no networks could be made ({error}): that needs root and the command ip")
    with entered(networks.first):
        yield networks
    networks.remove()


@pytest.fixture
def cluster(tmp_path: Path, networks: TwoNetworks) -> Iterator[CutOffCluster]:
    cluster = CutOffCluster(tmp_path, networks)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


async def test_a_broker_that_is_cut_off_from_the_others_and_alive_costs_no_record(
    cluster: CutOffCluster, topic_prefix: str, tmp_path: Path
) -> None:
    settings = Settings(
        brokers=cluster.brokers,
        topic_prefix=topic_prefix,
        partitions=PARTITIONS,
        replication_factor=BROKERS,
        flush_interval_seconds=0.05,
    )
    await cluster.until_in_sync()
    await create_topics(settings)
    await cluster.until_in_sync()
    # A process that this one starts is in its network; a fork of the one that forks for all tests is not.
    command = [sys.executable, "-m", "cli", "worker"]
    environment = {"SPENDGATE_REPLICATION_FACTOR": str(BROKERS), "PYTHONPATH": str(ROOT)}
    worker = WorkerProcess(settings, tmp_path / "worker.log", command, **environment)
    traffic = Traffic(settings.brokers, topic_prefix, PARTITIONS, seed=SEED)
    cut_off = cluster.cut_off

    async def cut_and_mend() -> None:
        led = [
            number
            for number in range(PARTITIONS)
            if cluster.leader(settings.topic(Topic.SPEND_EVENTS), number) is cut_off
        ]
        assert led
        await asyncio.to_thread(cluster.networks.cut)
        try:
            await asyncio.sleep(CUT_SECONDS)  # the fault is that long
            host, _, port = cut_off.brokers.partition(":")
            assert await asyncio.to_thread(serves, host, int(port))
            worker.check_alive()
        finally:
            await asyncio.to_thread(cluster.networks.mend)
        await cluster.until_in_sync()

    try:
        await worker.started()
        await traffic.start()
        silence = await traffic.during(cut_and_mend())
        counted = await traffic.finish()
        worker.check_alive()
        print(
            f"\na broker cut off for {CUT_SECONDS:g} s: nothing decided for {silence:.1f} s at most; "
            f"{counted} (seed {SEED})"
        )
    finally:
        traffic.close()
        worker.kill()
