"""100,000 brands: a worker is killed in the middle of a restore and in the middle of a backlog, and counts each of them
once. With few brands `tests/streams/worker/test_kills.py` shows the same in each run."""

import asyncio
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from bench.committed import arrived_spend, held_sums, read_committed
from bench.load import AMOUNT_MICROS, publish_catalog, publish_events
from bench.totals import Expected, add_up, differences
from core.records import Action, ControlCommand
from local.kafka import LocalKafka
from streams.kafka.codec import decode_command
from streams.kafka.provision import create_topics
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.streams.watched_worker import WatchedWorker

BRANDS = 100_000
PARTITIONS = 4
EVENTS = 2 * BRANDS
PATIENCE_SECONDS = 240
#: Every tenth campaign has a budget of one event, so that kills meet pauses too.
BUDGETS = [1 if number % 10 == 0 else None for number in range(BRANDS)]
SPENT = f'spendgate_records_applied_total{{topic="{Topic.SPEND_EVENTS}"}}'
RESUMES = 'spendgate_commands_total{action="resume"}'

pytestmark = [pytest.mark.long_only, pytest.mark.timeout(600)]


async def test_a_worker_killed_in_a_restore_and_in_a_backlog_counts_every_brand_once(
    kafka: LocalKafka, topic_prefix: str, tmp_path: Path
) -> None:
    settings = Settings(brokers=kafka.brokers, topic_prefix=topic_prefix, partitions=PARTITIONS)
    await create_topics(settings)
    publish_catalog(settings, BUDGETS)
    watched = WatchedWorker(settings, tmp_path / "worker.log")
    worker = watched.process
    try:
        worker.start()
        await _until(watched, RESUMES, BRANDS)
        resident = worker.peak_bytes
        worker.kill()
        publish_events(settings, EVENTS, BRANDS, repeat_every=100)
        worker.start()
        await _is_restoring(watched, resident)
        worker.kill()
        assert "partitions_owned" not in worker.output
        worker.start()
        applied = int(await _until(watched, SPENT, EVENTS / 4))
        worker.kill()
        assert applied < EVENTS
        # What was counted before the kill comes again after it.
        publish_events(settings, applied, BRANDS)
        await worker.started()
        sums = await held_sums(settings, [_brand_id(number) for number in range(BRANDS)], PATIENCE_SECONDS)
        assert await worker.stop() == 0
    finally:
        worker.kill()
    expected = _expected(settings, EVENTS + applied)
    assert differences(sums, expected.sums) == []
    assert _pauses(_commands(settings)) == expected.pauses


async def _until(watched: WatchedWorker, metric: str, least: float) -> float:
    """What the metric is when it is as much."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (found := await _metric(watched, metric)) < least:
            watched.process.check_alive()
            await asyncio.sleep(0.05)
    return found


async def _metric(watched: WatchedWorker, name: str) -> float:
    """0 while there is no answer or no such sample."""
    try:
        _, text = await watched.get("/metrics")
    except OSError:
        return 0
    return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} ")), 0)


async def _is_restoring(watched: WatchedWorker, bytes_of_all: int) -> None:
    """It holds more than half of what it takes for all brands, and owns no partition yet."""
    worker, begun_with = watched.process, watched.process.peak_bytes
    async with asyncio.timeout(PATIENCE_SECONDS):
        while worker.peak_bytes - begun_with < (bytes_of_all - begun_with) / 2:
            worker.check_alive()
            await asyncio.sleep(0.02)


def _expected(settings: Settings, events: int) -> Expected:
    budgets = {
        f"{_brand_id(number)}/{_brand_id(number)}-c": events * AMOUNT_MICROS
        for number, events in enumerate(BUDGETS)
        if events is not None
    }
    return add_up(arrived_spend(settings, events), budgets)


def _commands(settings: Settings) -> dict[str, list[ControlCommand]]:
    """By campaign, in their order."""
    commands = defaultdict(list)
    for message in read_committed(settings, settings.topic(Topic.CAMPAIGN_CONTROL)):
        command = decode_command(message.value())
        commands[command.campaign_id].append(command)
    return commands


def _pauses(commands: dict[str, list[ControlCommand]]) -> int:
    """How many there are, of commands that are all there, once each, and in turn."""
    assert len(commands) == BRANDS
    for campaign_id, of_campaign in commands.items():
        assert [it.sequence for it in of_campaign] == list(range(1, len(of_campaign) + 1)), campaign_id
        assert all(one.action is not other.action for one, other in pairwise(of_campaign)), campaign_id
        assert {it.epoch for it in of_campaign} == {1}, campaign_id
    return sum(it.action is Action.PAUSE for of_campaign in commands.values() for it in of_campaign)


def _brand_id(number: int) -> str:
    return f"brand-{number:04d}"
