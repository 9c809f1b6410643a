"""What a client does while a broker keeps its connections and answers nothing. The silence stands before a real one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import GroupLoadInProgressError, KafkaTimeoutError
from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.commit import OffsetFetchRequest, OffsetFetchResponse_v3
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.transaction import EndTxnRequest

from streams.kafka import restore
from streams.kafka.groups import group_offsets
from streams.kafka.metadata import _MetadataRequest, topic_facts
from streams.kafka.options import client_options
from streams.kafka.provision import admin_client, create_topics
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.offset_queries import OffsetQueries
from streams.worker.run import check_cluster

#: aiokafka itself gives up a request after 40 s.
SOONER_SECONDS = 30


class Silence:
    """Counts requests by type; leaves those unanswered for which `holds` is true of the type and its count, has an
    answer of its own where `instead` has one, and gives the answers of `slow` ones late."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: Counter[type] = Counter()
        self.holds: Callable[[type, int], bool] = lambda _type, _count: False
        self.slow: Callable[[type, int], bool] = lambda _type, _count: False
        self.instead: Callable[[type, int], Any] = lambda _type, _count: None  # of the broker's own answer
        self.may_answer = asyncio.Event()  # of the slow ones
        self._send = AIOKafkaConnection.send
        monkeypatch.setattr(AIOKafkaConnection, "send", lambda *given, **named: self._send_or_hold(*given, **named))

    def _send_or_hold(self, connection: AIOKafkaConnection, request: Any, **named: Any) -> Awaitable[Any]:
        kind = type(request)
        self.sent[kind] += 1
        if self.holds(kind, self.sent[kind]):
            return asyncio.get_running_loop().create_future()
        if (instead := self.instead(kind, self.sent[kind])) is not None:
            answered = asyncio.get_running_loop().create_future()
            answered.set_result(instead)
            return answered
        answer: Awaitable[Any] = self._send(connection, request, **named)
        return self._later(answer) if self.slow(kind, self.sent[kind]) else answer

    async def _later(self, answer: Awaitable[Any]) -> Any:
        await self.may_answer.wait()
        return await answer


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Silence:
    return Silence(monkeypatch)


@pytest.fixture
async def queries(settings: Settings, silence: Silence) -> AsyncIterator[OffsetQueries]:
    await create_topics(settings)
    queries = OffsetQueries(settings)
    await queries.start()
    yield queries
    await queries.stop()


async def test_who_leads_is_asked_again_and_again_while_a_fetch_has_no_answer(
    settings: Settings, silence: Silence
) -> None:
    await create_topics(settings)
    patient = {"metadata_max_age_ms": 300_000}  # by itself the client does not ask
    consumer = AIOKafkaConsumer(**client_options(settings) | patient, auto_offset_reset="earliest")
    await consumer.start()
    try:
        part = TopicPartition(settings.topic(Topic.SPEND_EVENTS), 0)
        consumer.assign([part])
        await consumer.position(part)
        silence.holds = lambda kind, _count: kind is FetchRequest
        asked = silence.sent[MetadataRequest]
        async with asyncio.timeout(SOONER_SECONDS):
            while silence.sent[MetadataRequest] < asked + 3:
                await asyncio.sleep(0.05)
    finally:
        await consumer.stop()


async def test_the_end_of_a_topic_is_asked_again_where_its_leader_does_not_answer(
    queries: OffsetQueries, silence: Silence
) -> None:
    silence.holds = lambda kind, count: kind is OffsetRequest and count == 1
    async with asyncio.timeout(SOONER_SECONDS):
        assert await queries.end(Topic.SPEND_EVENTS, 0, stable=False) == 0


async def test_a_broker_that_is_only_slow_has_the_end_of_a_topic_taken_from_its_first_answer(
    queries: OffsetQueries, silence: Silence
) -> None:
    await queries.end(Topic.SPEND_EVENTS, 0, stable=False)  # connects
    silence.sent.clear()
    silence.holds = lambda kind, count: kind is OffsetRequest and count > 1
    silence.slow = lambda kind, count: kind is OffsetRequest and count == 1
    asking = asyncio.create_task(queries.end(Topic.SPEND_EVENTS, 0, stable=False))
    async with asyncio.timeout(SOONER_SECONDS):
        while silence.sent[OffsetRequest] < 3:
            await asyncio.sleep(0.05)
        silence.may_answer.set()
        assert await asking == 0


async def test_a_state_whose_leader_gives_nothing_is_given_up(
    settings: Settings, silence: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_topics(settings)
    name = settings.topic(Topic.CONTROLLER_STATE)
    async with AIOKafkaProducer(**client_options(settings)) as producer:
        await producer.send_and_wait(name, b"", key=b"{}", partition=0)
    monkeypatch.setattr(restore, "_SILENCE_SECONDS", 1.0)
    silence.holds = lambda kind, _count: kind is FetchRequest
    async with restore.changelog_consumer(client_options(settings)) as consumer, asyncio.timeout(SOONER_SECONDS):
        with pytest.raises(KafkaTimeoutError, match="partition 0, gives nothing"):
            await restore.read_changelog(consumer, name, 0, lambda _: None)


async def test_the_offsets_of_a_group_are_asked_again_of_a_coordinator_that_has_just_begun(
    settings: Settings, silence: Silence
) -> None:
    await create_topics(settings)
    part = TopicPartition(settings.topic(Topic.CATALOG), 0)
    consumer = AIOKafkaConsumer(**client_options(settings), group_id=settings.topic("group"), enable_auto_commit=False)
    consumer.assign([part])
    await consumer.start()
    await consumer.commit({part: (7, "note")})
    await consumer.stop()
    loading = OffsetFetchResponse_v3(0, [], GroupLoadInProgressError.errno)
    silence.instead = lambda kind, count: loading if kind is OffsetFetchRequest and count == 1 else None
    silence.sent.clear()
    async with admin_client(settings) as admin:
        assert await group_offsets(admin, settings.topic("group"), [part]) == {part: (7, "note")}
    assert silence.sent[OffsetFetchRequest] == 2


async def test_a_broker_that_does_not_tell_of_topics_is_passed_over(settings: Settings, silence: Silence) -> None:
    await create_topics(settings)
    client = AIOKafkaClient(**client_options(settings))
    await client.bootstrap()
    try:
        await client.force_metadata_update()
        silence.holds = lambda kind, count: kind is _MetadataRequest and count == 1
        async with asyncio.timeout(SOONER_SECONDS):
            facts = await topic_facts(client, [settings.topic(Topic.CATALOG)])
        assert facts[settings.topic(Topic.CATALOG)].partitions == settings.partitions
        assert silence.sent[_MetadataRequest] == 2
    finally:
        await client.close()


@pytest.mark.parametrize("held", [DescribeConfigsRequest, FindCoordinatorRequest, HeartbeatRequest, EndTxnRequest])
async def test_a_start_asks_another_broker_where_one_does_not_answer(
    settings: Settings, silence: Silence, held: type
) -> None:
    await create_topics(settings)
    silence.sent.clear()
    async with asyncio.timeout(SOONER_SECONDS):
        async with admin_client(settings) as admin:
            silence.holds = lambda kind, count: kind is held and count == 1
            silence.sent.clear()
            await group_offsets(admin, settings.topic("group"))
            await check_cluster(settings)
    assert silence.sent[held] >= 2


async def test_a_broker_that_does_not_say_who_leads_is_passed_over(settings: Settings, silence: Silence) -> None:
    client = AIOKafkaClient(**client_options(settings))
    await client.bootstrap()
    try:
        await client.force_metadata_update()
        silence.sent.clear()
        silence.holds = lambda kind, count: kind is MetadataRequest and count == 1
        async with asyncio.timeout(SOONER_SECONDS):
            assert await client.force_metadata_update()
        assert silence.sent[MetadataRequest] == 2
    finally:
        await client.close()
