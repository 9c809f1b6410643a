"""A repair whose broker goes away in the middle ends with a sentence, and leaves nothing that is still sent."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from console.local.kafka import LocalKafka
from streams.core.records import SpendCorrection
from streams.errors import Unreachable
from streams.kafka_clients import client_options, let_go
from streams.ledger import repair as repair_module
from streams.provision import create_topics
from streams.settings import Settings

LONGEST_SECONDS = 20


async def test_a_broker_that_goes_away_before_the_commit_is_told_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair_module, "_ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(repair_module, "_END_SECONDS", 1.0)
    broker = LocalKafka(tmp_path)
    broker.start()
    try:
        settings = Settings(brokers=broker.brokers, partitions=1)
        await create_topics(settings)
        producer = AIOKafkaProducer(**client_options(settings), transactional_id="repair", acks="all")
        await producer.start()
        await asyncio.to_thread(broker.stop)
        correction = SpendCorrection("id", "nike", "c", "1.00", "2025-09-08")
        async with asyncio.timeout(LONGEST_SECONDS):
            with pytest.raises(Unreachable):
                await repair_module._publish(settings, producer, [(0, correction)])
            await let_go(producer)
    finally:
        await asyncio.to_thread(broker.stop)
