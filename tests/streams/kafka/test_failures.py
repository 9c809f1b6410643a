"""What keeps us out of a cluster, or is not allowed there, is told in one sentence that says what to do."""

import asyncio
import json
import re
import time
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaStorageError,
    NotEnoughReplicasError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from confluent_kafka import KafkaError, KafkaException, Producer
from spendgate_control import ControlReader, Policy

from core.errors import ConfigurationError, ExitCode, NotAllowed, SpendgateError, Unreachable
from ledger.ingest.run import run as run_ledger
from local.kafka import LocalKafka
from local.ports import choose_port
from operations.doctor import examine
from streams.kafka.acls import acl_lines
from streams.kafka.batch_sending import batch_sender
from streams.kafka.failures import translated
from streams.kafka.missing_rights import check_rights, check_rights_once_reached, missing_rights
from streams.kafka.options import client_options, librdkafka_options
from streams.kafka.provision import admin_client, create_topics, topic_differences
from streams.kafka.rights import CLIENTS, CommandLine, Operation, Process, Resource, Right, rights_of
from streams.kafka.undescribed_topics import may_not_describe
from streams.live_state import read_brand
from streams.settings import Settings
from streams.worker.delivery import PartitionDelivery
from streams.worker.transaction import PartitionWriter, Write
from tests.clients.topics import ControlTopics, command
from tests.commands import EXECUTABLE
from tests.streams.acl_changes import denied, new_user, run_acl_lines
from tests.streams.worker_process import WorkerProcess

PATIENCE_SECONDS = 20

WORKER = Settings(kafka_security_protocol="SASL_PLAINTEXT", kafka_username="worker", kafka_password="x")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            TopicAuthorizationFailedError("spend-events"),
            "User:worker lacks a right on the topic spend-events: .*--allow-principal User:worker",
        ),
        (TopicAuthorizationFailedError({"a", "b"}), "topic a, b"),
        (
            GroupAuthorizationFailedError("spendgate-worker"),
            "on the group spendgate-worker: .*--group spendgate-worker",
        ),
        (TransactionalIdAuthorizationFailed("worker-1"), "transactional id worker-1: .*--transactional-id worker-1"),
        (
            may_not_describe("spend-events"),
            "may not Describe the topic spend-events: .* --operation Describe --topic spend-events",
        ),
        (GroupAuthorizationFailedError("Unable to get coordinator id for g-1"), "on the group g-1: .*--group g-1`"),
        (KafkaStorageError(), "disk of Kafka .* is full"),
        (NotEnoughReplicasError(), "Too few replicas"),
        (
            KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)),
            r"lacks a right on the topic \(Kafka does not say which\): ",
        ),
        (
            KafkaException(KafkaError(KafkaError.INVALID_RECORD)),
            r"refused it: Broker: Broker failed to validate record \(error 87\)\.",
        ),
        (KafkaException(KafkaError(KafkaError._QUEUE_FULL)), r"refused it: Local: Queue full \(error -184\)\."),
        (KafkaException(KafkaError(KafkaError._TIMED_OUT)), "No Kafka broker answers"),
        (KafkaException(KafkaError(KafkaError._AUTHENTICATION)), "refuses the user worker"),
        (KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN)), "No Kafka broker answers"),
        (RuntimeError("wrapped"), "No Kafka broker answers"),
    ],
)
def test_what_either_client_says_is_one_sentence(error: Exception, says: str) -> None:
    sentence = str(translated(error, WORKER))
    assert "\n" not in sentence and sentence.endswith(".")
    with pytest.raises(SpendgateError, match=says):
        raise translated(error, WORKER)


def test_whoever_may_write_nowhere_is_not_told_to_ask_for_all_rights_on_the_cluster() -> None:
    sentence = str(translated(ClusterAuthorizationFailedError(), WORKER, "Write"))
    assert sentence.startswith("User:worker may Write no topic: let ") and "--cluster" not in sentence


async def entering(**settings: Any) -> Settings:
    """Raises what a command would say."""
    made = Settings(**settings)
    async with admin_client(made):
        return made


async def test_a_wrong_password_is_told(secured_kafka: LocalKafka) -> None:
    right = secured_kafka.client_settings
    with pytest.raises(NotAllowed, match="refuses the user spendgate with this password by SCRAM-SHA-512"):
        await entering(**{**right, "kafka_password": "wrong"})
    with pytest.raises(NotAllowed, match=r"does not take SCRAM-SHA-256 .* set SPENDGATE_KAFKA_SASL_MECHANISM"):
        await entering(**{**right, "kafka_sasl_mechanism": "SCRAM-SHA-256"})


async def test_an_authority_that_did_not_sign_is_told(secured_kafka: LocalKafka, tmp_path: Path) -> None:
    right = secured_kafka.client_settings
    with pytest.raises(NotAllowed, match=r"not vouched for by an authority of this system .*SPENDGATE_KAFKA_CA_FILE"):
        await entering(**{**right, "kafka_ca_file": None})
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "none.pem"):
        with pytest.raises(ConfigurationError, match=f"{path}, is no file of certificates"):
            await entering(**{**right, "kafka_ca_file": path})


async def test_a_certificate_for_another_name_is_told(secured_kafka: LocalKafka) -> None:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", secured_kafka.port)
        try:
            await asyncio.gather(_copied(reader, broker_writer), _copied(broker_reader, writer))
        finally:
            writer.close()
            broker_writer.close()

    async with await asyncio.start_server(forward, "127.0.0.2") as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotAllowed, match=r"is for another name .*SPENDGATE_BROKERS"):
            await entering(**{**secured_kafka.client_settings, "brokers": f"127.0.0.2:{port}"})


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT"])
async def test_no_tls_where_it_is_spoken_is_told(secured_kafka: LocalKafka, protocol: str) -> None:
    with pytest.raises(NotAllowed, match=rf"speaks TLS, and {protocol} does not: .*SASL_SSL"):
        await entering(**{**secured_kafka.client_settings, "kafka_security_protocol": protocol})


async def test_no_password_where_one_is_asked_for_is_told(secured_kafka: LocalKafka) -> None:
    with pytest.raises(NotAllowed, match=r"asks for a password and SSL gives none: .*SPENDGATE_KAFKA_USERNAME"):
        await entering(**{**secured_kafka.client_settings, "kafka_security_protocol": "SSL"})


async def test_what_an_open_broker_does_not_ask_for_is_told(kafka: LocalKafka, secured_kafka: LocalKafka) -> None:
    right = secured_kafka.client_settings
    with pytest.raises(NotAllowed, match="does not speak TLS, which SASL_SSL asks for"):
        await entering(**{**right, "brokers": kafka.brokers})
    with pytest.raises(NotAllowed, match="takes no password"):
        await entering(**{**right, "brokers": kafka.brokers, "kafka_security_protocol": "SASL_PLAINTEXT"})


async def test_a_port_that_is_no_kafka_and_a_host_that_is_none_are_told(postgres: Any) -> None:
    with pytest.raises(Unreachable, match="does not answer as a Kafka broker does"):
        await entering(brokers=f"127.0.0.1:{postgres.port}")
    with pytest.raises(Unreachable, match=r"The host broker\.invalid is not known"):
        await entering(brokers="broker.invalid:9092")
    with pytest.raises(Unreachable, match=r"No Kafka broker answers at 127\.0\.0\.1:1: start one"):
        await entering(brokers="127.0.0.1:1")


@pytest.fixture(scope="module")
def owner(secured_kafka: LocalKafka) -> Settings:
    """Who may do everything; topics are there."""
    owner = Settings(**secured_kafka.client_settings, topic_prefix="least-", partitions=1)
    asyncio.run(create_topics(owner))
    return owner


@pytest.fixture(scope="module")
def least(owner: Settings) -> Settings:
    """The settings of a user who has the rights of every process and command, and no other."""
    user = new_user(owner, "worker")
    run_acl_lines(owner, acl_lines("worker", rights_of(CLIENTS.values(), owner), owner))
    return user


async def test_with_its_rights_no_process_and_no_command_lacks_any(least: Settings) -> None:
    assert not any((await missing_rights(least, CLIENTS.values())).values())
    for process in Process:
        await check_rights(least, process)


async def test_a_user_without_rights_lacks_all_that_can_be_asked_for(owner: Settings) -> None:
    nobody = new_user(owner, "nobody")
    missing = await missing_rights(nobody, CLIENTS.values())
    assert missing[CommandLine.RECONCILE_REPAIR] == rights_of([CommandLine.RECONCILE_REPAIR], owner)
    assert missing[CommandLine.STATUS] == rights_of([CommandLine.STATUS], owner)
    assert Right(Operation.Write, Resource.TRANSACTIONAL_ID, "least-spendgate-worker-0") in missing[Process.WORKER]
    assert all(missing.values())


@pytest.mark.parametrize(
    ("operation", "resource", "says"),
    [
        (Operation.Read, ["--topic", "least-spend-events"], "may not Read the topic least-spend-events"),
        (Operation.Write, ["--topic", "least-campaign-control"], "may not Write the topic least-campaign-control"),
        (Operation.DescribeConfigs, ["--topic", "least-catalog"], "may not DescribeConfigs the topic least-catalog"),
        (Operation.Read, ["--group", "least-spendgate-worker"], "may not Read the group least-spendgate-worker"),
        (
            Operation.Write,
            ["--transactional-id", "least-spendgate-worker-0"],
            "may not Write the transactional id least-spendgate-worker-0",
        ),
    ],
)
async def test_each_right_that_is_taken_away_is_named(
    least: Settings, owner: Settings, operation: Operation, resource: list[str], says: str
) -> None:
    with denied(owner, "User:worker", operation, resource):
        advice = f"--operation {operation.name} {' '.join(resource)}`"
        with pytest.raises(NotAllowed, match=f"^User:worker {says}: .*{advice}"):
            await check_rights(least, Process.WORKER)
        if operation is Operation.DescribeConfigs:  # it was told as a topic to be altered
            with pytest.raises(NotAllowed, match=f"User:worker {says}"):
                await topic_differences(least)


@pytest.mark.long_only
async def test_any_one_right_that_is_taken_away_is_named_for_all_who_need_it(least: Settings, owner: Settings) -> None:
    needed = {client: rights_of([client], owner) for client in CLIENTS.values()}
    rights = dict.fromkeys(right for of_client in needed.values() for right in of_client)
    for right in [it for it in rights if not it.is_prefix and it.operation is not Operation.Create]:
        option = f"--{right.resource.replace(' ', '-')}"
        with denied(owner, "User:worker", right.operation, [option, right.name]):
            missing = await missing_rights(least, CLIENTS.values())
            assert [it for it in CLIENTS.values() if right in missing[it]] == [
                it for it in CLIENTS.values() if right in needed[it]
            ]
            if right.operation is not Operation.Describe:  # whoever may not see a topic may do nothing with it
                assert set(chain.from_iterable(missing.values())) == {right}
            for process in [it for it in Process if right in needed[it]]:
                with pytest.raises(NotAllowed, match=f"{right.operation.name} .*{right.resource} {right.name}"):
                    await check_rights(least, process)


async def test_a_topic_that_may_not_be_described_is_named_where_its_end_is_asked_for(
    least: Settings, owner: Settings
) -> None:
    with (
        denied(owner, "User:worker", Operation.Describe, ["--topic", "least-spend-events"]),
        pytest.raises(NotAllowed, match=r"^User:worker may not Describe the topic least-spend-events: let "),
    ):
        await read_brand(least, "nike")


async def test_whoever_may_write_nowhere_gets_no_batch_sender_and_is_told_so(owner: Settings) -> None:
    with pytest.raises(NotAllowed, match=r"^User:reader may Write no topic: let "):
        async with batch_sender(new_user(owner, "reader")):
            pass


async def test_a_right_that_is_taken_away_stops_the_worker_with_a_sentence_until_it_is_back(
    least: Settings, owner: Settings, tmp_path: Path
) -> None:
    worker = WorkerProcess(least, tmp_path / "worker.log")
    read_ticks = (Operation.Read, ["--topic", "least-dayparting-ticks"])
    try:
        await worker.started()
        with denied(owner, "User:worker", *read_ticks):
            assert await worker.ended(60) == ExitCode.UNREACHABLE
            # What it reads at that moment, or what it asks for every ten seconds.
            says = "(lacks a right on|may not Read) the topic least-dayparting-ticks: let "
            assert re.search(f'why="[^"]*User:worker {says}', worker.output), worker.output
            worker.start()
            assert await worker.ended(60) == ExitCode.UNREACHABLE
            assert "User:worker may not Read the topic least-dayparting-ticks" in worker.output
        await worker.started()
    finally:
        worker.kill()


@pytest.mark.parametrize("topic", ["controller-state", "campaign-control"])
async def test_a_topic_that_may_no_longer_be_written_is_named_and_ends_the_worker_until_it_may(
    least: Settings, owner: Settings, tmp_path: Path, topic: str
) -> None:
    worker = WorkerProcess(least, tmp_path / "worker.log")
    try:
        await worker.started()
        with denied(owner, "User:worker", Operation.Write, ["--topic", f"least-{topic}"]):
            await new_campaign(owner, f"brand-of-{topic}")
            assert await worker.ended(60) == ExitCode.UNREACHABLE
            assert f'why="User:worker may not Write the topic least-{topic}: let ' in worker.output
            assert "Traceback" not in worker.output
            worker.start()
            assert await worker.ended(60) == ExitCode.UNREACHABLE
            assert f"User:worker may not Write the topic least-{topic}: let " in worker.output
        await worker.started()
    finally:
        worker.kill()


async def test_the_right_is_named_also_where_the_broker_has_a_part_of_the_transaction_and_aborts_it(
    least: Settings, owner: Settings
) -> None:
    topics = ["least-controller-state", "least-campaign-control"]
    writer = PartitionWriter("least-spendgate-worker-0", least, producer_class=_OneByOne)
    try:
        await writer.open()
        delivering = PartitionDelivery(writer, 0, least, _no_limit).deliver(
            [Write(topic, 0, b"key", b"x") for topic in topics]
        )
        with (
            denied(owner, "User:worker", Operation.Write, ["--topic", topics[1]]),
            pytest.raises(NotAllowed, match=f"^User:worker may not Write the topic {topics[1]}: let "),
        ):
            await asyncio.wait_for(delivering, 60)
    finally:
        await writer.close()


class _OneByOne(Producer):
    """The broker has the first topic in its transaction before it hears of the second."""

    def produce(self, *args: Any, **kwargs: Any) -> None:
        super().produce(*args, **kwargs)
        self.flush(PATIENCE_SECONDS)


async def _no_limit(_topic: str) -> None:
    """The broker does not say."""


async def test_a_transactional_id_that_may_no_longer_be_used_ends_the_worker_with_that_sentence(
    least: Settings, owner: Settings, tmp_path: Path
) -> None:
    worker = WorkerProcess(least, tmp_path / "worker.log")
    try:
        await worker.started()
        with denied(owner, "User:worker", Operation.Write, ["--transactional-id", "least-spendgate-worker-0"]):
            await new_campaign(owner, "brand-of-transaction")
            assert await worker.ended(60) == ExitCode.UNREACHABLE
        assert "User:worker may not Write the transactional id least-spendgate-worker-0: let " in worker.output
        assert "Traceback" not in worker.output
    finally:
        worker.kill()


async def new_campaign(owner: Settings, brand_id: str) -> None:
    """What a worker answers with a command and new state."""
    zones = [{"time_zone": "UTC", "from": None}]
    brand = {"kind": "brand", "brand_id": brand_id, "version": 1, "currency": "USD", "zones": zones}
    campaign = {"kind": "campaign", "brand_id": brand_id, "campaign_id": f"{brand_id}-1", "version": 1}
    async with AIOKafkaProducer(**client_options(owner)) as producer:
        for key, document in ((brand_id, brand), (f"{brand_id}/{brand_id}-1", campaign)):
            await producer.send_and_wait("least-catalog", json.dumps(document).encode(), key=key.encode())


async def test_a_ledger_without_its_group_says_so_at_once(least: Settings, owner: Settings, database_url: str) -> None:
    settings = least.replace(database_url=database_url)
    with (
        denied(owner, "User:worker", Operation.Read, ["--group", "least-spendgate-ledger"]),
        pytest.raises(NotAllowed, match=r"^User:worker may not Read the group least-spendgate-ledger"),
    ):
        await asyncio.wait_for(run_ledger(settings), 30)


@pytest.mark.parametrize(
    ("process", "topic"), [("scheduler", "least-spend-corrections"), ("api", "least-dayparting-ticks")]
)
async def test_a_process_that_needs_a_right_only_later_says_so_at_its_start(
    least: Settings, owner: Settings, migrated_url: str, tmp_path: Path, process: str, topic: str
) -> None:
    port = str(choose_port(0, "test"))
    places = {"DATABASE_URL": migrated_url, "HTTP_PORT": port, "METRICS_PORT": port}
    variables = {f"SPENDGATE_{name}": it for name, it in places.items()}
    started = WorkerProcess(least, tmp_path / "log", [str(EXECUTABLE), process], **variables)
    try:
        with denied(owner, "User:worker", Operation.Read, ["--topic", topic]):
            started.start()
            assert await started.ended(60) == ExitCode.UNREACHABLE, started.output
        assert f"User:worker may not Read the topic {topic}: let " in started.output
        assert "Traceback" not in started.output
    finally:
        started.kill()


async def test_rights_are_asked_for_once_a_broker_is_there(tmp_path: Path) -> None:
    broker = LocalKafka(tmp_path, choose_port(0, "test"))
    checking = asyncio.create_task(check_rights_once_reached(Settings(brokers=broker.brokers), Process.API))
    await asyncio.to_thread(broker.start)
    try:
        await asyncio.wait_for(checking, PATIENCE_SECONDS)
    finally:
        await asyncio.to_thread(broker.kill)


@pytest.mark.parametrize(
    ("operation", "resource", "client"),
    [
        (Operation.Write, ["--topic", "least-spend-events"], "the worker"),
        (Operation.Read, ["--topic", "least-controller-state"], "the api"),
        (Operation.DescribeConfigs, ["--topic", "least-catalog"], "the ledger"),
        (Operation.Describe, ["--group", "least-spendgate-ledger"], "`status`"),
        (Operation.Write, ["--topic", "least-spend-corrections"], "`dlq replay`"),
        (Operation.Write, ["--transactional-id", "least-spendgate-reconcile"], "`reconcile --repair`"),
    ],
)
async def test_doctor_names_what_is_missing_and_for_what(
    least: Settings, owner: Settings, operation: Operation, resource: list[str], client: str
) -> None:
    kind, name = resource[0].removeprefix("--").replace("-", " "), resource[1]
    with denied(owner, "User:worker", operation, resource):
        message = [finding.result for finding in await examine(least) if not finding.good]
    assert f"User:worker lacks, for {client}, {operation.name} on {kind} {name}" in message


async def test_doctor_asks_for_the_rights_of_one_alone(least: Settings, owner: Settings) -> None:
    with denied(owner, "User:worker", Operation.DescribeConfigs, ["--topic", "least-catalog"]):
        [scheduler, topics] = [it for it in await examine(least, Process.SCHEDULER) if it.check in ("rights", "topics")]
        [ledger, _] = [it for it in await examine(least, Process.LEDGER) if it.check in ("rights", "topics")]
    assert (scheduler.good, scheduler.result) == (True, "User:worker has every right of scheduler")
    assert (topics.good, ledger.good) == (True, False)
    assert topics.result.startswith("not examined")


def test_a_client_of_commands_needs_no_more_than_to_read_two_topics_and_to_write_one(
    secured_kafka: LocalKafka, topic_prefix: str
) -> None:
    owner = Settings(**secured_kafka.client_settings)
    topics = ControlTopics(secured_kafka.brokers, topic_prefix, librdkafka_options(owner))
    topics.transact(command("nike-summer", 1))
    user = new_user(owner, f"{topic_prefix}adserver")
    add = f"kafka-acls --add --allow-principal User:{user.kafka_username} --operation"
    reads = [f"{add} Read --topic {topic_prefix}{name}" for name in ("campaign-control", "control-heartbeat")]
    run_acl_lines(owner, [*reads, f"{add} Write --topic {topic_prefix}control-acks"])
    with ControlReader(
        topics.brokers,
        consumer="adserver-eu",
        policy=Policy.CLOSED,
        topic_prefix=topic_prefix,
        config=librdkafka_options(user),
    ) as reader:
        (change,) = reader.catch_up(PATIENCE_SECONDS)
        reader.acknowledge(change.command)
        assert [it["command_id"] for it in topics.acks(1)] == ["nike-summer:1:1"]
        topics.beat(0)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reader.may_run("nike-summer").may_run:
            assert time.monotonic() < deadline
            reader.poll(0.1)
    assert reader.failed_acknowledgements == 0
