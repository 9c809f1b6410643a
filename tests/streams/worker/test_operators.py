"""What operators do to topics and groups, by mistake or not: each is refused with its cause and cure, or harmless."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    NewPartitions,
)
from msgspec import json, structs

from core.moment import parse_moment
from models.queries.commands import last_commands
from models.session import engine_of, session_scope
from models.tables.control_log import ControlLog
from operations.resend import resend_all
from streams.kafka.clients import close_within_seconds
from streams.kafka.codec import decode_command
from streams.kafka.provision import create_topics
from streams.kafka.reader import topic_reader
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings, Timestamps
from streams.worker.fatal import EXIT_CODE
from tests.streams.broker import Broker, open_broker
from tests.streams.conftest import StartWorker
from tests.streams.topic_changes import change_config
from tests.streams.worker_process import WorkerProcess
from tests.topics import delete_topics

#: A worker that looks every 2 s must have noticed by then, also on a machine with much else to do.
NOTICED_SECONDS = 30

pytestmark = pytest.mark.parametrize("timestamps", [Timestamps.APPEND])


class Operator:
    """Has the rights to everything, and uses them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = AdminClient({"bootstrap.servers": settings.brokers})
        self._group = settings.topic("spendgate-worker")

    def delete_topics(self, *topics: Topic) -> None:
        asyncio.run(delete_topics(self._settings, *topics))

    def make_topics(self) -> None:
        """`spendgate topics create`."""
        asyncio.run(create_topics(self._settings))

    def make_anew(self, *topics: Topic) -> None:
        self.delete_topics(*topics)
        self.make_topics()

    def delete_group(self) -> None:
        for done in self._admin.delete_consumer_groups([self._group]).values():
            done.result()

    def set_group(self, offset: int) -> None:
        """`kafka-consumer-groups --reset-offsets`, of the spend."""
        at = [TopicPartition(self._settings.topic(Topic.SPEND_EVENTS), 0, offset)]
        request = [ConsumerGroupTopicPartitions(self._group, at)]
        for done in self._admin.alter_consumer_group_offsets(request).values():
            done.result()

    def delete_records(self, topic: Topic) -> None:
        """All of them, also of a topic that is compacted."""
        change_config(self._settings, topic, "cleanup.policy", "delete")
        while not self._deletes_records(topic):
            # The broker answers before its log takes the policy over.
            time.sleep(0.05)
        if topic in (Topic.CONTROLLER_STATE, Topic.CAMPAIGN_CONTROL, Topic.CATALOG):
            change_config(self._settings, topic, "cleanup.policy", "compact")

    def _deletes_records(self, topic: Topic) -> bool:
        # -1 is the end.
        for done in self._admin.delete_records([TopicPartition(self._settings.topic(topic), 0, -1)]).values():
            try:
                done.result()
            except KafkaException as error:
                if error.args[0].name() != "POLICY_VIOLATION":
                    raise
                return False
        return True

    def add_partitions(self, *topics: Topic) -> None:
        wanted = [NewPartitions(self._settings.topic(topic), 2) for topic in topics]
        for done in self._admin.create_partitions(wanted, operation_timeout=10).values():
            done.result()


Action = Callable[[Operator], None]


def _in_turn(*actions: Action) -> Action:
    def act(operator: Operator) -> None:
        for action in actions:
            action(operator)

    return act


REBUILT = "spendgate replay --from-ledger"
RESENT = "spendgate control resend --all"


@dataclass(frozen=True)
class Case:
    what: str
    act: Action
    #: In the sentence with which the next start is refused; it goes on as if nothing had happened where this is empty.
    said: tuple[str, ...] = ()
    #: In the sentence with which a running worker ends, before the next start.
    noticed: str = ""
    partitions: int = 1


AT_REST = [
    Case("nothing", lambda it: None),
    Case("the group deleted", lambda it: it.delete_group()),
    Case("the group set ahead", lambda it: it.set_group(1_000)),
    Case("the group set back", lambda it: it.set_group(0)),
    Case("state made anew", lambda it: it.make_anew(Topic.CONTROLLER_STATE), ("was deleted", REBUILT)),
    Case(
        "state and group lost",
        _in_turn(lambda it: it.make_anew(Topic.CONTROLLER_STATE), lambda it: it.delete_group()),
        ("sequences would begin again", REBUILT),
    ),
    Case(
        "state lost and the group set by hand",
        _in_turn(lambda it: it.make_anew(Topic.CONTROLLER_STATE), lambda it: it.set_group(0)),
        ("was deleted and made anew", REBUILT),
    ),
    Case("state emptied", lambda it: it.delete_records(Topic.CONTROLLER_STATE), ("lost with a broker's disk", REBUILT)),
    Case(
        "state and commands made anew",
        lambda it: it.make_anew(Topic.CONTROLLER_STATE, Topic.CAMPAIGN_CONTROL),
        ("was deleted and made anew", REBUILT),
    ),
    Case("commands made anew", lambda it: it.make_anew(Topic.CAMPAIGN_CONTROL), ("lacks the last command", RESENT)),
    Case("commands emptied", lambda it: it.delete_records(Topic.CAMPAIGN_CONTROL), ("lacks the last command", RESENT)),
    Case("dead letters made anew", lambda it: it.make_anew(Topic.DEAD_LETTERS)),
    Case("ticks and resets made anew", lambda it: it.make_anew(Topic.DAYPARTING_TICKS, Topic.BUDGET_RESETS)),
    Case("spend made anew", lambda it: it.make_anew(Topic.SPEND_EVENTS), ("spend-events was made anew", REBUILT)),
    Case("the catalog made anew", lambda it: it.make_anew(Topic.CATALOG), ("catalog was made anew", REBUILT)),
    Case("spend emptied after all was applied", lambda it: it.delete_records(Topic.SPEND_EVENTS)),
    Case("ticks emptied", lambda it: it.delete_records(Topic.DAYPARTING_TICKS)),
    Case(
        "partitions added to one topic",
        lambda it: it.add_partitions(Topic.SPEND_EVENTS),
        ("partitions is 2 and must be 1",),
    ),
    Case(
        "partitions added to all, and the setting with them",
        lambda it: it.add_partitions(*Topic),
        ("whose key now leads to partition 1", REBUILT),
        partitions=2,
    ),
]

UNDER_WAY = [
    Case("state", lambda it: it.make_anew(Topic.CONTROLLER_STATE), ("made anew", REBUILT), "controller-state was"),
    Case("commands", lambda it: it.make_anew(Topic.CAMPAIGN_CONTROL), ("lacks", RESENT), "campaign-control was"),
    Case("spend", lambda it: it.make_anew(Topic.SPEND_EVENTS), ("made anew", REBUILT), "spend-events"),
    Case("dead letters", lambda it: it.make_anew(Topic.DEAD_LETTERS), (), "spend-events.dlq was"),
    Case("ticks", lambda it: it.make_anew(Topic.DAYPARTING_TICKS), (), "dayparting-ticks"),
    Case("commands gone", lambda it: it.delete_topics(Topic.CAMPAIGN_CONTROL), ("topics create",), "campaign-control"),
    Case(
        "partitions",
        lambda it: it.add_partitions(Topic.SPEND_EVENTS),
        ("partitions is 2 and must be 1",),
        "was given 2 partitions",
    ),
]


@pytest.mark.parametrize("case", AT_REST, ids=lambda it: it.what)
async def test_what_was_done_while_no_worker_ran_is_refused_with_its_cause_or_harmless(
    case: Case, settings: Settings, new_worker: StartWorker
) -> None:
    own = settings.replace(partitions=1)
    async with open_broker(own) as broker:
        worker = await _with_a_history(broker, new_worker(own))
        assert await worker.stop() == 0
        await asyncio.to_thread(case.act, Operator(own))
        await _check_next_start(case, broker, new_worker)


@pytest.mark.parametrize("case", UNDER_WAY, ids=lambda it: it.what)
async def test_what_is_done_under_a_running_worker_ends_it_within_seconds(
    case: Case, settings: Settings, new_worker: StartWorker
) -> None:
    own = settings.replace(partitions=1)
    async with open_broker(own) as broker:
        worker = await _with_a_history(broker, new_worker(own))
        await asyncio.to_thread(case.act, Operator(own))
        assert await worker.ended(NOTICED_SECONDS) == EXIT_CODE
        assert case.noticed in worker.output
        await _check_next_start(case, broker, new_worker)


@pytest.mark.long_only  # until the client knows of the new partition
async def test_partitions_added_right_after_the_check_of_a_start_end_it_with_their_cause(
    settings: Settings, tmp_path: Path
) -> None:
    own = settings.replace(partitions=1)
    command = [str(Path(__file__).with_name("unchecked_worker.py"))]
    worker = WorkerProcess(own, tmp_path / "worker.log", command)
    async with open_broker(own):
        await asyncio.to_thread(Operator(own).add_partitions, Topic.SPEND_EVENTS)
        worker.start()
        try:
            assert await worker.ended(180) == EXIT_CODE
        finally:
            worker.kill()
    assert "was given 2 partitions under the running worker, in place of 1" in " ".join(worker.output.split())


async def test_commands_that_the_topic_lacks_are_told_again_from_the_journal_and_the_worker_goes_on(
    settings: Settings, new_worker: StartWorker, migrated_url: str
) -> None:
    own = settings.replace(partitions=1)
    async with open_broker(own) as broker:
        worker = await _with_a_history(broker, new_worker(own))
        observed = await _control_records(own)
        await asyncio.to_thread(_journal, migrated_url, observed)
        assert await worker.stop() == 0
        await asyncio.to_thread(Operator(own).make_anew, Topic.CAMPAIGN_CONTROL)
    with session_scope(migrated_url) as session:
        dry = await resend_all(own, last_commands(session), dry_run=True)
        assert ((dry.sent, dry.there), await _control_records(own)) == ((1, 0), [])
        done = await resend_all(own, last_commands(session), dry_run=False)
        again = await resend_all(own, last_commands(session), dry_run=False)
    assert [(done.sent, done.there), (again.sent, again.there)] == [(1, 0), (0, 1)]
    assert [(it.key, it.value) for it in await _control_records(own)] == [(it.key, it.value) for it in observed[1:]]
    async with open_broker(own) as broker:
        await new_worker(own).started()
        await broker.publish(Topic.CATALOG, _RAISED, partition=0, key="nike")
        await broker.until(lambda: len(broker.commands) >= 2)
        assert [it.command_id for it in broker.commands] == ["summer:1:2", "summer:1:3"]
    engine_of(migrated_url).dispose()


@pytest.mark.parametrize("written_by_older_release", [True, False])
async def test_a_producer_with_an_older_releases_id_is_fenced_where_that_release_wrote_the_state(
    written_by_older_release: bool, settings: Settings, new_worker: StartWorker
) -> None:
    """Where it did not, the id may be that of a stranger."""
    own = settings.replace(partitions=1)
    state = own.topic(Topic.CONTROLLER_STATE)
    older = AIOKafkaProducer(bootstrap_servers=own.brokers, transactional_id=own.topic("worker-0"))
    async with open_broker(own) as broker:
        worker = await _with_a_history(broker, new_worker(own))
        assert await worker.stop() == 0
        part = broker.part(0)
        assert part is not None
        if written_by_older_release:
            part = structs.replace(part, topic_ids={topic: part.topic_ids[topic] for topic in INPUTS})
            await broker.producer.send_and_wait(state, json.encode(part), key=b"part", partition=0)
        await older.start()
        await new_worker(own).started()
        try:
            if written_by_older_release:
                with pytest.raises(KafkaError):
                    await _write(older, state)
            else:
                await _write(older, state)
            await _goes_on(broker)
        finally:
            await close_within_seconds(older)


async def _write(producer: AIOKafkaProducer, topic: str) -> None:
    async with producer.transaction():
        await producer.send_and_wait(topic, b"{}", key=b"seen/none", partition=0)


_RAISED = {
    "kind": "brand",
    "brand_id": "nike",
    "version": 9,
    "currency": "USD",
    "daily_budget": "100",
    "zones": [{"time_zone": "UTC", "from": None}],
}


async def _control_records(settings: Settings) -> list[ConsumerRecord]:
    async with topic_reader(settings, Topic.CAMPAIGN_CONTROL) as reader:
        return [record async for record in reader.to_end()]


def _journal(database_url: str, records: list[ConsumerRecord]) -> None:
    """As the ledger does."""
    with session_scope(database_url) as session:
        for record in records:
            command = decode_command(record.value)
            names = ("command_id", "campaign_id", "brand_id", "epoch", "sequence", "action", "reasons")
            fields = {name: getattr(command, name) for name in names}
            fields |= {"decided_at": parse_moment(command.decided_at), "value": record.value, "topic": record.topic}
            session.add(ControlLog(**fields, message=None, partition=record.partition, record_offset=record.offset))


async def _with_a_history(broker: Broker, worker: WorkerProcess) -> WorkerProcess:
    """Its campaign has a first state and a pause, and a record lies applied on every input."""
    await worker.started()
    await broker.brand("nike", daily_budget="10")
    await broker.campaign("nike", "summer")
    await broker.until(lambda: len(broker.commands) == 1)
    await broker.spend("nike", "summer", "12", event_id="one")
    correction = {"correction_id": "k", "brand_id": "nike", "campaign_id": "summer", "amount": "-1"}
    correction |= {"booked_on": "2025-01-01", "opening": False, "reason": ""}
    await broker.publish(Topic.SPEND_CORRECTIONS, correction, partition=0, key="nike")
    await broker.tick(0, "2025-09-08T12:00:00Z")
    await broker.reset(0, "daily", "UTC", "2025-09-08T00:00:00Z")
    await broker.until_settled()
    assert [it.sequence for it in broker.commands] == [1, 2]
    return worker


async def _check_next_start(case: Case, broker: Broker, new_worker: StartWorker) -> None:
    worker = new_worker(broker.settings.replace(partitions=case.partitions))
    if case.said:
        worker.start()
        assert await worker.ended(60) in (1, EXIT_CODE), worker.output
        missing = [words for words in case.said if words not in " ".join(worker.output.split())]
        assert not missing, worker.output
    else:
        await worker.started()
        await _goes_on(broker)


async def _goes_on(broker: Broker) -> None:
    """The next command follows the last one."""
    await broker.brand("nike", daily_budget="100")
    await broker.until(lambda: len(broker.commands) >= 3)
    assert [(it.command_id, it.action) for it in broker.commands[2:]] == [("summer:1:3", "resume")]
