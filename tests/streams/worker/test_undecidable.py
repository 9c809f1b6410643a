"""A defect that one brand meets, on a real broker: its records are refused one by one, and nobody else notices."""

import re
from pathlib import Path

import pytest

from streams.dead_letters.outbox import REASON_HEADER
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps
from tests.streams.broker import Broker, open_broker, spend_event
from tests.streams.worker_process import WorkerProcess

FLOOD = 300


@pytest.mark.parametrize("timestamps", [Timestamps.APPEND])
async def test_a_defect_refuses_the_records_that_meet_it_and_stops_neither_the_brand_nor_its_partition(
    settings: Settings, tmp_path: Path
) -> None:
    settings = settings.replace(partitions=1)
    command = [str(Path(__file__).with_name("defective_worker.py"))]
    worker = WorkerProcess(settings, tmp_path / "worker.log", command)
    async with open_broker(settings) as broker:
        try:
            await found_brands(broker)
            await worker.started()
            await broker.until_settled()
            await broker.spend("nike", "nike-1", "6", event_id="counted")
            for number in range(FLOOD):
                await send(broker, "nike", "6", f"defect-{number}")
                await send(broker, "puma", "0.05", f"puma-{number}")
            await broker.spend("nike", "nike-1", "3", event_id="counted too")
            await broker.spend("puma", "puma-1", "10", event_id="the last")
            await broker.tick(0, "2025-09-08T00:00:00Z")
            await broker.until_settled()
            worker.check_alive()
            assert worker.output.count("state_in_doubt") == 1
            assert worker.output.count("ZeroDivisionError: a defect") >= FLOOD
            assert re.search(r"undecidable .*brand_id=nike .*offset=\d+ .*topic=\S*spend-events", plain(worker.output))
            assert letters(broker) == [f"defect-{number}" for number in range(FLOOD)]
            assert broker.state_of("nike").daily_micros == 9_000_000
            assert broker.state_of("puma").daily_micros == 10_000_000 + FLOOD * 50_000
            assert [it.split()[:2] for it in broker.emitted("puma-1")] == [["pause", "daily_budget"]]
            assert broker.emitted("nike-1") == []
            assert await worker.stop() == 0
        finally:
            worker.kill()
        mended = WorkerProcess(settings, tmp_path / "mended.log")
        try:
            await mended.started()
            await broker.spend("nike", "nike-1", "1", event_id="reaches the budget")
            await broker.until_settled()
            assert [it.split()[:2] for it in broker.emitted("nike-1")] == [["pause", "daily_budget"]]
        finally:
            mended.kill()


async def found_brands(broker: Broker) -> None:
    for brand_id in ("nike", "puma"):
        await broker.brand(brand_id, daily_budget="10")
        await broker.campaign(brand_id, f"{brand_id}-1")


async def send(broker: Broker, brand_id: str, amount: str, event_id: str) -> None:
    event = spend_event(brand_id, f"{brand_id}-1", amount, event_id)
    await broker.publish(Topic.SPEND_EVENTS, event, partition=0, key=brand_id)


def letters(broker: Broker) -> list[str]:
    assert all(dict(it.headers)[REASON_HEADER] == b"undecidable" for it in broker.dead_letters)
    return [re.search(rb'"event_id": "([^"]+)"', it.value)[1].decode() for it in broker.dead_letters]  # type: ignore[index]


def plain(output: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", output)
