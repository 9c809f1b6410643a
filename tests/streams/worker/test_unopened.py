"""A partition whose producer Kafka does not open: its worker says so, and decides on all others meanwhile."""

from pathlib import Path

import pytest

from streams.settings import Settings, Timestamps
from tests.streams.broker import Broker, brand_in
from tests.streams.watched_worker import WatchedWorker


@pytest.mark.parametrize("timestamps", [Timestamps.APPEND])
async def test_a_partition_whose_producer_is_not_opened_waits_alone_until_it_is(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    command = [str(Path(__file__).with_name("unopened_worker.py")), str(go)]
    watched = WatchedWorker(settings, tmp_path / "worker.log", command)
    waiting, other = (brand_in(number, settings.partitions, "brand") for number in (0, 1))
    try:
        await watched.process.started()
        await watched.stopped("spendgate-worker-0 cannot be opened (no coordinator)", "partition 0 decides nothing")
        for brand in (waiting, other):
            await broker.brand(brand)
            await broker.campaign(brand, f"{brand}-1")
        await broker.until(lambda: [it.brand_id for it in broker.commands] == [other])
        go.touch()
        await watched.ready()
        await broker.until_settled()
        assert [it.brand_id for it in broker.commands] == [other, waiting]
        assert "partition_goes_on" in watched.process.output
        assert await watched.process.stop() == 0
    finally:
        watched.process.kill()
