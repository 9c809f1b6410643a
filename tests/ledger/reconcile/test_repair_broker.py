"""A repair whose broker goes away in the middle ends with a sentence, and leaves nothing that is still sent."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from core.errors import Unreachable
from core.records import SpendCorrection
from ledger.reconcile import repair as repair_module
from local.kafka import LocalKafka
from streams.kafka.clients import close_within_seconds
from streams.kafka.options import client_options
from streams.kafka.provision import create_topics
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
            await close_within_seconds(producer)
    finally:
        await asyncio.to_thread(broker.stop)
