"""Somebody's open transaction on an input topic: what lies in it is waited for, and is not called done."""

import asyncio
import json

import pytest
from confluent_kafka import Producer

from streams.kafka.groups import describe_group
from streams.kafka.options import librdkafka_options
from streams.kafka.provision import admin_client
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps
from streams.worker.fatal import EXIT_CODE
from tests.streams.broker import Broker, spend_event
from tests.streams.conftest import StartWorker
from tests.streams.worker_process import WorkerProcess

pytestmark = pytest.mark.parametrize("timestamps", [Timestamps.APPEND])


async def test_a_resume_waits_for_spend_behind_an_open_transaction_and_the_lag_counts_it(
    broker: Broker, worker: WorkerProcess, settings: Settings
) -> None:
    await broker.brand("nike", daily_budget="10")
    await broker.campaign("nike", "nike-1")
    await broker.until_settled()
    await broker.spend("nike", "nike-1", "10", event_id="1")
    await broker.until(lambda: len(broker.commands) == 2)
    stranger = Producer({**librdkafka_options(settings), "transactional.id": f"{settings.topic_prefix}stranger"})
    await asyncio.to_thread(stranger.init_transactions, 20)
    stranger.begin_transaction()
    value = json.dumps(spend_event("nike", "nike-1", "50", "2")).encode()
    stranger.produce(settings.topic(Topic.SPEND_EVENTS), value, b"nike", broker.home("nike"))
    assert await asyncio.to_thread(stranger.flush, 20) == 0
    await broker.brand("nike", daily_budget="30")
    # The budget is in force, so the resume is due.
    await broker.until(lambda: broker.applied(broker.sent))
    async with admin_client(settings) as admin, asyncio.timeout(20):
        while True:
            group = await describe_group(settings, admin, settings.topic("spendgate-worker"))
            assert group
            if group.lag[Topic.SPEND_EVENTS] == 1 and group.lag[Topic.CATALOG] == 0:
                break
            await asyncio.sleep(0.2)
    await asyncio.to_thread(stranger.commit_transaction, 20)
    await broker.until(lambda: broker.state_of("nike").monthly_micros == 60_000_000)
    await broker.until_settled()
    assert [command.action for command in broker.commands] == ["resume", "pause"]


async def test_a_transaction_that_hides_state_is_named_and_waited_for(
    broker: Broker, settings: Settings, new_worker: StartWorker
) -> None:
    """As a broker leaves one whose end it forgets to write: what a new owner read would be an older state."""
    worker = await new_worker(settings).started()
    await broker.brand("nike", daily_budget="10")
    await broker.campaign("nike", "nike-1")
    await broker.until_settled()
    assert await worker.stop() == 0
    forgotten = Producer({**librdkafka_options(settings), "transactional.id": f"{settings.topic_prefix}forgotten"})
    await asyncio.to_thread(forgotten.init_transactions, 20)
    forgotten.begin_transaction()
    state, partition = settings.topic(Topic.CONTROLLER_STATE), broker.home("nike")
    forgotten.produce(state, b"{}", b"a key", partition)
    assert await asyncio.to_thread(forgotten.flush, 20) == 0

    worker.start()
    assert await worker.ended(60) == EXIT_CODE
    assert f"{state}, partition {partition}, has records from offset " in worker.output
    assert "neither committed nor aborted" in worker.output
    await asyncio.to_thread(forgotten.abort_transaction, 20)
    await worker.started()
    await broker.spend("nike", "nike-1", "10", event_id="1")
    await broker.until_settled()
    assert [command.action for command in broker.commands] == ["resume", "pause"]
