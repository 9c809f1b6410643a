"""Every way into a secured cluster, through each library that our clients are made of, and what is told at the door."""

import asyncio
import base64
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from cryptography.hazmat.primitives import serialization

from core.errors import ConfigurationError, NotAllowed, RefusedValue, SpendgateError, Unreachable
from local.kafka_security import USER
from operations.doctor import examine
from streams.kafka import iam_tokens
from streams.kafka.certificates import certificate_days_left, certificate_name
from streams.kafka.failures import not_allowed
from streams.kafka.iam_actions import ANY_ACTION, iam_actions
from streams.kafka.missing_rights import check_rights, missing_rights
from streams.kafka.options import client_options, consumer_options, entry_environment, librdkafka_options
from streams.kafka.provision import admin_client, create_topics
from streams.kafka.rights import CLIENTS, CommandLine, Process, rights_of
from streams.settings import Settings
from streams.worker.transaction import PartitionWriter
from streams.worker.writes import Write
from tests.commands import run_kafka_tool
from tests.entries import ManyEntries

ENTRIES = ("certificate", "token", "plain")
SIGNER = "aws_msk_iam_sasl_signer.MSKAuthTokenProvider"
PATIENCE_SECONDS = 60


def entry_of(kafka: ManyEntries, name: str) -> dict[str, Any]:
    if name == "certificate":
        return kafka.certificate_entry(*kafka.owner_files)
    return kafka.token_entry() if name == "token" else kafka.plain_entry()


def hidden_entry_of(kafka: ManyEntries, name: str, folder: Path) -> dict[str, Any]:
    """The same, where there is a key with a password on it."""
    entry = entry_of(kafka, name)
    if name == "certificate":
        hidden = under_password(entry["kafka_key_file"], folder, b"the ke=y's")
        entry |= {"kafka_key_file": hidden, "kafka_key_password": "the ke=y's"}
    return entry


@pytest.mark.parametrize("entry", ENTRIES)
async def test_every_client_enters(secured_kafka: ManyEntries, topic_prefix: str, entry: str, tmp_path: Path) -> None:
    given = hidden_entry_of(secured_kafka, entry, tmp_path)
    await enters(Settings(**given, topic_prefix=topic_prefix, partitions=1))


async def enters(settings: Settings) -> None:
    await create_topics(settings)
    assert await missing_rights(settings, [CommandLine.DOCTOR]) == {CommandLine.DOCTOR: []}
    topic = settings.topic("spend-events")
    async with AIOKafkaProducer(**client_options(settings)) as producer:
        await producer.send_and_wait(topic, b"by aiokafka")
    await asyncio.to_thread(produce, settings, topic, b"by librdkafka")
    async with AIOKafkaConsumer(topic, **consumer_options(settings), auto_offset_reset="earliest") as consumer:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert [(await consumer.getone()).value for _ in range(2)] == [b"by aiokafka", b"by librdkafka"]
    assert await asyncio.to_thread(consumed, settings, topic) == b"by aiokafka"
    listed = await asyncio.to_thread(AdminClient(librdkafka_options(settings)).list_topics, timeout=PATIENCE_SECONDS)
    assert topic in listed.topics


@pytest.fixture
def iam_entry(secured_kafka: ManyEntries, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The entry by AWS_MSK_IAM into a broker that takes tokens of the OAuth 2 server: AWS alone could check its own."""

    def generated(region: str) -> tuple[str, int]:
        assert region == "eu-west-1"
        secured_kafka.tokens.answered += 1
        return secured_kafka.tokens.token(USER), int((time.time() + secured_kafka.tokens.life_seconds) * 1000)

    monkeypatch.setattr(f"{SIGNER}.generate_auth_token", generated)
    iam_tokens._provider.cache_clear()
    given = {"kafka_sasl_mechanism": "AWS_MSK_IAM", "kafka_aws_region": "eu-west-1"}
    named = ("kafka_username", "kafka_password", "kafka_token_url")
    return {name: it for name, it in secured_kafka.token_entry().items() if name not in named} | given


async def test_every_client_enters_by_a_token_that_aws_credentials_sign(
    secured_kafka: ManyEntries, topic_prefix: str, iam_entry: dict[str, Any]
) -> None:
    await enters(Settings(**iam_entry, topic_prefix=topic_prefix, partitions=1))


async def test_a_writer_outlives_its_signed_token(
    secured_kafka: ManyEntries, topic_prefix: str, iam_entry: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """librdkafka asks for the next token by a callback, while the thread of the writer rests between flushes."""
    monkeypatch.setattr(secured_kafka.tokens, "life_seconds", 4)
    settings = Settings(**iam_entry, topic_prefix=topic_prefix, partitions=1)
    await create_topics(settings)
    writer = PartitionWriter(settings.topic("writer"), settings)
    await writer.open()
    try:
        answered = secured_kafka.tokens.answered
        async with asyncio.timeout(PATIENCE_SECONDS):
            while secured_kafka.tokens.answered < answered + 3:
                while await writer.attempt([Write(settings.topic("campaign-control"), 0, b"one", b"{}")]):
                    pass
                await asyncio.sleep(0.5)  # a rest between two flushes, in which nobody polls the client
    finally:
        await writer.close()


async def test_an_identity_that_the_cluster_refuses_is_told(
    secured_kafka: ManyEntries, iam_entry: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secured_kafka.tokens, "audience", "others")
    with pytest.raises(NotAllowed, match=r"refuses the AWS credentials.*allow kafka-cluster:Connect .*eu-west-1"):
        await entering(iam_entry)


async def test_an_identity_without_rights_is_told_what_its_policy_must_allow(
    secured_kafka: ManyEntries, topic_prefix: str, iam_entry: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(**iam_entry, topic_prefix=topic_prefix, partitions=1)
    await create_topics(settings)
    iam_tokens._provider.cache_clear()
    life = int(time.time() + 60) * 1000
    monkeypatch.setattr(f"{SIGNER}.generate_auth_token", lambda _: (secured_kafka.tokens.token("nobody"), life))
    with pytest.raises(NotAllowed) as several:
        await check_rights(settings, Process.WORKER)
    says = str(several.value)
    assert "kafka-acls" not in says and "topics acls" not in says
    actions = "DescribeTopic ReadData WriteData WriteDataIdempotently DescribeTopicDynamicConfiguration "
    actions += "DescribeGroup AlterGroup DescribeTransactionalId AlterTransactionalId"
    allow = says.partition("let its IAM policy allow ")[2].removesuffix(" on these.")
    assert allow.split(", ") == [f"kafka-cluster:{action}" for action in actions.split()]
    one = not_allowed(settings, "Write", "topic", "spend-events")
    assert "let its IAM policy allow kafka-cluster:DescribeTopic, kafka-cluster:WriteData, " in str(one)
    assert "allow kafka-cluster:* on it" in str(not_allowed(settings, "", "cluster", ""))
    [rights] = [it for it in await examine(settings, Process.NOTIFIER) if it.check == "rights"]
    assert rights.mend.startswith("let its IAM policy allow kafka-cluster:")


def test_every_right_has_its_action_of_iam() -> None:
    wanted = rights_of(CLIENTS.values(), Settings())
    assert not [right for right in wanted if iam_actions(right.operation.name, right.resource) == [ANY_ACTION]]


async def test_the_library_of_aws_signs_a_token_for_the_region_and_its_lack_of_credentials_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    given = {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "AWS_MSK_IAM"}
    iam_tokens._provider.cache_clear()
    provider = iam_tokens.iam_token_provider(Settings(**given, kafka_aws_region="eu-west-1"))
    token, expires_at = provider.current()
    signed = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    assert signed.hostname == "kafka.eu-west-1.amazonaws.com"
    assert parse_qs(signed.query)["Action"] == ["kafka-cluster:Connect"]
    assert 0 < expires_at - time.time() <= 900
    assert await provider.token() == token  # one for all clients, until it has to be renewed
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(Unreachable, match="No AWS credentials sign a token: set AWS_ACCESS_KEY_ID"):
        iam_tokens.iam_token_provider(Settings(**given, kafka_aws_region="eu-west-2")).current()
    monkeypatch.setitem(sys.modules, SIGNER, None)
    with pytest.raises(ConfigurationError, match=r"pip install 'spendgate\[msk\]'"):
        iam_tokens.iam_token_provider(Settings(**given, kafka_aws_region="eu-west-1"))


def produce(settings: Settings, topic: str, value: bytes) -> None:
    """In a transaction, as the worker does."""
    producer = Producer({**librdkafka_options(settings), "transactional.id": settings.topic("writer")})
    producer.init_transactions(PATIENCE_SECONDS)
    producer.begin_transaction()
    producer.produce(topic, value, on_delivery=lambda error, _: failed.append(error) if error else None)
    failed: list[Any] = []
    producer.commit_transaction(PATIENCE_SECONDS)
    assert not failed


def consumed(settings: Settings, topic: str) -> bytes | None:
    given = {"group.id": settings.topic("reader"), "auto.offset.reset": "earliest"}
    consumer = Consumer(librdkafka_options(settings) | given)
    consumer.subscribe([topic])
    try:
        message = consumer.poll(PATIENCE_SECONDS)
        assert message is not None and message.error() is None, message
        return message.value()
    finally:
        consumer.close()


@pytest.mark.parametrize("entry", ENTRIES)
def test_kafkas_own_tools_enter(
    secured_kafka: ManyEntries, entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = hidden_entry_of(secured_kafka, entry, tmp_path)
    for name, value in entry_environment(Settings(**given)).items():
        monkeypatch.setenv(name, value)
    assert run_kafka_tool("kafka-cluster", "cluster-id").startswith("Cluster ID: ")


def under_password(key: Path, folder: Path, password: bytes | None) -> Path:
    """The same key in PKCS#8, which Java reads."""
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    path = folder / "same.key"
    path.write_bytes(loaded.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden))
    return path


async def entering(entry: dict[str, Any], **more: Any) -> None:
    async with admin_client(Settings(**{**entry, **more})) as admin:
        await admin.list_topics()


async def test_a_certificate_that_is_wanted_and_not_there_is_told(secured_kafka: ManyEntries) -> None:
    entry = entry_of(secured_kafka, "certificate") | {"kafka_certificate_file": None, "kafka_key_file": None}
    with pytest.raises(NotAllowed, match=r"asks for a client certificate .*: set SPENDGATE_KAFKA_CERTIFICATE_FILE"):
        await entering(entry)


async def test_a_certificate_of_another_authority_is_told(secured_kafka: ManyEntries) -> None:
    files = secured_kafka.certificate("stranger", trustme.CA())
    with pytest.raises(NotAllowed, match=r"refuses the client certificate in .*stranger\.pem \("):
        await entering(secured_kafka.certificate_entry(*files))


async def test_a_certificate_that_expired_is_told_and_doctor_told_it_before(secured_kafka: ManyEntries) -> None:
    now = datetime.now(UTC)
    files = secured_kafka.certificate("expired", not_before=now - timedelta(days=9), not_after=now - timedelta(days=2))
    entry = secured_kafka.certificate_entry(*files)
    with pytest.raises(NotAllowed, match=r"expired\.pem expired 2\.0 days ago, so Kafka at .* put a new one"):
        await entering(entry)
    soon = secured_kafka.certificate("soon", not_after=now + timedelta(days=5, hours=1))
    findings = await examine(Settings(**secured_kafka.certificate_entry(*soon)))
    [told] = [one for one in findings if one.check == "certificate"]
    assert not told.good and "of CN=soon," in told.result and "is valid for 5 more days" in told.result
    [rights] = [one for one in findings if one.check == "rights" and "`doctor`" in one.result]
    assert f"User:{certificate_name(soon[0])} lacks" in rights.result


async def test_files_that_cannot_be_used_are_told(secured_kafka: ManyEntries, tmp_path: Path) -> None:
    certificate, key = secured_kafka.owner_files
    _, of_another = secured_kafka.certificate("another")
    hidden = under_password(key, tmp_path, b"right")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    entry = secured_kafka.certificate_entry(certificate, key)
    for more, says in (
        ({"kafka_certificate_file": tmp_path / "none.pem"}, r"CERTIFICATE_FILE, .*none\.pem, cannot be read"),
        ({"kafka_key_file": tmp_path / "none.pem"}, r"KEY_FILE, .*none\.pem, cannot be read"),
        ({"kafka_key_file": of_another}, "is not that of the certificate in"),
        ({"kafka_key_file": certificate}, "No private key is in .*: set SPENDGATE_KAFKA_KEY_FILE"),
        ({"kafka_certificate_file": key}, "No certificate is in .*: set SPENDGATE_KAFKA_CERTIFICATE_FILE"),
        ({"kafka_key_file": hidden}, "is under a password, and it needs one"),
        ({"kafka_key_file": hidden, "kafka_key_password": "wrong"}, "KEY_PASSWORD is not its password"),
        ({"kafka_certificate_file": both, "kafka_key_file": None}, None),
        ({"kafka_key_file": hidden, "kafka_key_password": "right"}, None),
    ):
        if says is None:
            await entering(entry, **more)
            continue
        with pytest.raises(ConfigurationError, match=says):
            await entering(entry, **more)


async def test_a_token_that_is_not_given_is_told(secured_kafka: ManyEntries, postgres: Any) -> None:
    entry = secured_kafka.token_entry()
    with pytest.raises(NotAllowed, match=r"refuses the client spendgate \(401, .*invalid_client"):
        await entering(entry, kafka_password="wrong")
    with pytest.raises(Unreachable, match=r"The token endpoint http://127\.0\.0\.1:1/ does not answer"):
        await entering(entry, kafka_token_url="http://127.0.0.1:1/")
    with pytest.raises(SpendgateError, match=r"gives no token|does not answer"):
        await entering(entry, kafka_token_url=f"http://127.0.0.1:{postgres.port}/")


async def test_a_token_that_the_brokers_refuse_is_told(
    secured_kafka: ManyEntries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secured_kafka.tokens, "audience", "others")
    with pytest.raises(NotAllowed, match=r"refuses the token that http://.* gave to elsewhere"):
        await entering(secured_kafka.token_entry("elsewhere"))


async def test_tokens_are_shared_and_fetched_again_before_they_expire(
    secured_kafka: ManyEntries, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = secured_kafka.tokens
    before = tokens.answered
    settings = Settings(
        **secured_kafka.token_entry(), kafka_token_scope="kafka", topic_prefix=topic_prefix, partitions=1
    )
    await create_topics(settings)
    await entering({name: getattr(settings, name) for name in settings.given})
    assert tokens.answered == before + 1 and tokens.scopes[-1] == "kafka"
    monkeypatch.setattr(tokens, "life_seconds", 3)
    short = client_options(settings.replace(kafka_token_scope="short"))
    topic, sent = settings.topic("spend-events"), 0
    # The broker ends a connection when its token has expired, and the client goes on by another.
    async with AIOKafkaProducer(**short) as producer, AIOKafkaConsumer(topic, **short) as consumer:
        await consumer.seek_to_beginning()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while tokens.answered < before + 4:
                await producer.send_and_wait(topic, str(sent).encode())
                assert (await consumer.getone()).value == str(sent).encode()
                sent += 1


def test_settings_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    sasl = {"kafka_security_protocol": "SASL_SSL", "kafka_username": "u", "kafka_password": "p"}
    for settings, says in (
        (sasl | {"kafka_sasl_mechanism": "OAUTHBEARER"}, "needs SPENDGATE_KAFKA_TOKEN_URL"),
        (sasl | {"kafka_sasl_mechanism": "AWS_MSK_IAM"}, "needs SPENDGATE_KAFKA_AWS_REGION"),
        (
            {
                "kafka_security_protocol": "SASL_PLAINTEXT",
                "kafka_sasl_mechanism": "AWS_MSK_IAM",
                "kafka_aws_region": "eu-west-1",
            },
            "SASL_SSL as the security protocol",
        ),
        ({"kafka_key_file": tmp_path}, "needs SPENDGATE_KAFKA_CERTIFICATE_FILE"),
        ({"kafka_certificate_file": tmp_path}, "PLAINTEXT shows no certificate"),
    ):
        with pytest.raises(RefusedValue, match=says):
            Settings(**settings)  # type: ignore[arg-type]


def test_a_client_says_of_which_process_it_is_and_where_it_stands() -> None:
    settings = Settings(kafka_client_rack="zone-a").of_process("ledger")
    assert client_options(settings)["client_id"] == librdkafka_options(settings)["client.id"] == "spendgate-ledger"
    assert consumer_options(settings)["client_rack"] == "zone-a" and "client_rack" not in client_options(settings)
    assert Settings(kafka_client_id="mine").of_process("ledger").kafka_client_id == "mine"


def test_a_file_that_is_no_certificate_has_no_name_and_no_end(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no certificate")
    for name in ("text", "none"):
        assert certificate_name(tmp_path / name) is None and certificate_days_left(tmp_path / name) is None
