"""Topics that a broker does not know for a moment, as after its start: a worker asks again."""

import asyncio
from collections.abc import Collection
from pathlib import Path

import pytest
from aiokafka.client import AIOKafkaClient

from core.errors import ConfigurationError
from streams.kafka.metadata import topic_ids
from streams.kafka.provision import create_topics
from streams.kafka.topics import ALL_TOPICS
from streams.settings import Settings
from streams.worker import startup_checks
from tests.streams.broker import Broker
from tests.streams.worker_process import WorkerProcess

#: Far less than the five minutes after which aiokafka by itself asks for its topics again.
PATIENCE_SECONDS = 60


async def test_a_worker_that_knew_no_topic_when_it_assigned_them_asks_again(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    command = [str(Path(__file__).with_name("forgetful_worker.py"))]
    worker = WorkerProcess(settings, tmp_path / "worker.log", command)
    try:
        await worker.started()
        assert "Ignoring missing topic" in worker.output and "partitions=[]" in worker.output
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "gained=[0, " not in worker.output:
                worker.check_alive()
                await asyncio.sleep(0.05)
        await broker.brand("nike")
        await broker.campaign("nike", "summer")
        await broker.until_settled()
    finally:
        worker.kill()


async def test_topics_that_the_broker_does_not_know_yet_are_asked_for_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[dict[str, str]] = []

    async def made_after_the_first_answer(client: AIOKafkaClient, names: Collection[str]) -> dict[str, str]:
        answers.append(await topic_ids(client, names))
        if len(answers) == 1:
            await create_topics(settings)
        return answers[-1]

    monkeypatch.setattr(startup_checks, "topic_ids", made_after_the_first_answer)
    known = await startup_checks.known_topic_ids(settings)
    assert (answers[0], known.keys()) == ({}, set(ALL_TOPICS))


async def test_topics_that_stay_away_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_checks, "_TOPICS_SECONDS", 0.5)
    with pytest.raises(ConfigurationError, match=f"Topics are missing: {settings.topic('')}.*topics create"):
        await startup_checks.known_topic_ids(settings)
