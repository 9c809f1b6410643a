"""Batches that the broker refuses: whoever adds more is told at once, and nobody takes them for sent."""

import asyncio
import gc
import logging
import os

import pytest

from core.errors import TooLarge, Unreachable
from core.records import SpendCorrection
from ledger.replay.sender import ReplaySender
from local.kafka import LocalKafka
from streams.kafka import batch_sending
from streams.kafka.batch_sending import BATCH_BYTES, BatchSender, batch_sender
from streams.kafka.reader import topic_reader
from streams.kafka.sending import NewRecord
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.streams.topic_changes import limit
from tests.topics import delete_topics, make_topics

REFUSED = "does not take a batch of up to 256 KiB: give it a larger max.message.bytes"


@pytest.fixture
async def settings(kafka: LocalKafka, topic_prefix: str) -> Settings:
    made = Settings(brokers=kafka.brokers, topic_prefix=topic_prefix, partitions=2)
    await make_topics(made, Topic.SPEND_EVENTS, Topic.SPEND_CORRECTIONS)
    return made


def record(settings: Settings, value: bytes, partition: int = 0) -> NewRecord:
    return NewRecord(settings.topic(Topic.SPEND_EVENTS), partition, b"nike", value)


async def test_all_that_was_added_is_there_in_its_order_when_finish_has_returned(settings: Settings) -> None:
    values = [b"%06d" % number * 100 for number in range(2 * BATCH_BYTES // 600)]
    async with batch_sender(settings) as sender:
        for number, value in enumerate(values):
            await sender.add(record(settings, value, number % 2))
        await sender.finish()
        await sender.finish()
    async with topic_reader(settings, Topic.SPEND_EVENTS) as reader:
        seen = [(it.partition, it.value) async for it in reader.to_end()]
    for partition in (0, 1):
        assert [value for at, value in seen if at == partition] == values[partition::2]


async def test_a_refused_batch_stops_who_goes_on_adding_and_stays_a_failure(settings: Settings) -> None:
    await limit(settings, Topic.SPEND_EVENTS, 3_000)
    async with batch_sender(settings) as sender:
        await sender.add(record(settings, os.urandom(10_000)))
        async with asyncio.timeout(20):
            with pytest.raises(TooLarge, match=REFUSED):
                await _add_for_ever(sender, record(settings, b"small"))
        for step in (sender.submit, sender.finish):
            with pytest.raises(TooLarge, match=REFUSED):
                await step()
        with pytest.raises(TooLarge, match=REFUSED):
            await sender.add(record(settings, b"small"))


async def _add_for_ever(sender: BatchSender, small: NewRecord) -> None:
    """As traffic does, for hours."""
    while True:
        await sender.add(small)
        await sender.submit()


async def test_what_no_leader_takes_in_time_is_a_failure_in_one_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with batch_sender(settings) as sender:
        await sender.add(record(settings, b"first"))
        await sender.finish()
        await delete_topics(settings, Topic.SPEND_EVENTS)
        monkeypatch.setattr(batch_sending, "SILENCE_SECONDS", 2.0)  # a busy broker needs longer for the first
        await sender.add(record(settings, b"second"))
        with pytest.raises(Unreachable):
            await sender.finish()


async def test_whoever_leaves_before_the_answers_leaves_no_failure_that_nobody_looks_at(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    await limit(settings, Topic.SPEND_EVENTS, 3_000)
    with caplog.at_level(logging.ERROR, "asyncio"):
        async with batch_sender(settings) as sender:
            for partition in (0, 1):
                await sender.add(record(settings, os.urandom(10_000), partition))
            await sender.submit()
            await asyncio.sleep(0.2)
        del sender
        gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_replay_whose_flush_has_failed_once_never_says_that_all_is_there(settings: Settings) -> None:
    await limit(settings, Topic.SPEND_CORRECTIONS, 3_000)
    async with batch_sender(settings) as batches:
        sender = ReplaySender(settings, batches, 1)
        for number in range(200):
            await sender.correction(
                SpendCorrection(f"{number}", "nike", os.urandom(32).hex(), "0.01", "2025-09-08"), 1_757_300_000_000
            )
        for _ in range(2):
            with pytest.raises(TooLarge, match=f"{REFUSED}.*Then start the replay again: it goes on where it was"):
                await sender.flush()
