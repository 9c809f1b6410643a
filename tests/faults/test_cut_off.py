"""A broker that clients still reach, but neither the other two brokers nor a controller: the worker goes on with those
two, and what the third has not shared is not lost.

`SPENDGATE_CUT_OFF=1 SPENDGATE_TEST_LENGTH=long pytest -s` runs it. It adds two network interfaces to the machine while
it runs, and so only where it is asked to; it needs root and the command `ip`.
"""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from local.readiness import serves
from streams.kafka.provision import create_topics
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.faults.cluster import BROKERS
from tests.faults.cut_off import CutOffCluster, SecondNetwork
from tests.faults.runs import SEED
from tests.faults.traffic import Traffic
from tests.streams.worker_process import WorkerProcess

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(1200),
    pytest.mark.skipif("SPENDGATE_CUT_OFF" not in os.environ, reason="SPENDGATE_CUT_OFF=1 lets it add a network"),
]

PARTITIONS: Final = 3
#: Longer than the session of a broker (9 s) and than the worker's client tries to deliver a record.
CUT_SECONDS: Final = 30.0


@pytest.fixture
def network() -> Iterator[SecondNetwork]:
    network = SecondNetwork()
    try:
        network.make()
    except (OSError, subprocess.CalledProcessError) as error:
        network.remove()
        pytest.skip(f"no second network could be made ({error}): that needs root and the command ip")
    yield network
    network.remove()


@pytest.fixture
def cluster(tmp_path: Path, network: SecondNetwork) -> Iterator[CutOffCluster]:
    cluster = CutOffCluster(tmp_path, network)
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
    worker = WorkerProcess(settings, tmp_path / "worker.log", SPENDGATE_REPLICATION_FACTOR=str(BROKERS))
    traffic = Traffic(settings.brokers, topic_prefix, PARTITIONS, seed=SEED)
    cut_off = cluster.cut_off

    async def cut_and_mend() -> None:
        led = [
            number
            for number in range(PARTITIONS)
            if cluster.leader(settings.topic(Topic.SPEND_EVENTS), number) is cut_off
        ]
        assert led
        await asyncio.to_thread(cluster.network.cut)
        try:
            await asyncio.sleep(CUT_SECONDS)  # the fault is that long
            host, _, port = cut_off.brokers.partition(":")
            assert await asyncio.to_thread(serves, host, int(port))
            worker.check_alive()
        finally:
            await asyncio.to_thread(cluster.network.mend)
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
