"""`spendgate up --secured`: each process with its own user in Kafka and its own role in PostgreSQL, and no more."""

import asyncio
import os
import shlex
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError

from local.principals import PRINCIPALS
from streams.kafka.missing_rights import missing_rights
from streams.kafka.options import client_options
from streams.kafka.rights import CLIENTS, Process
from streams.settings import Settings
from tests.cli.test_up import READY_SECONDS, Up, in_folder, until
from tests.commands import Commands


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One for all tests of the file. The first looks at what was denied before others ask for what is."""
    started = Up(tmp_path_factory.mktemp("secured"), "--secured")
    try:
        yield started.until_ready()
        started.stop()
    finally:
        started.end()


@pytest.fixture
def commands(up: Up, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Of the operator, who knows nothing but the data folder."""
    for name in [name for name in os.environ if name.startswith("SPENDGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SPENDGATE_DATA_DIR", str(up.folder))
    return Commands(capsys)


def entry_of(up: Up, name: str) -> Settings:
    """What a shell has that has read the principal's file."""
    lines = (up.folder / "credentials" / f"{name}.env").read_text().splitlines()
    variables = dict(shlex.split(line)[1].split("=", 1) for line in lines)
    return Settings(environment=variables)


def denials(up: Up) -> list[str]:
    log = (up.folder / "logs" / "kafka.log").read_text()
    return [line for line in log.splitlines() if "Denied" in line]


async def write(settings: Settings, topic: str) -> None:
    async with AIOKafkaProducer(**client_options(settings)) as producer:
        await producer.send_and_wait(topic, b"{}", key=b"nike")


def run_sql(settings: Settings, statement: str) -> None:
    with closing(psycopg2.connect(settings.database)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def test_every_process_works_by_its_own_principal_and_nothing_is_denied(up: Up, commands: Commands) -> None:
    for name in Process:
        environment = up.child(name).environ()
        assert environment["SPENDGATE_KAFKA_USERNAME"] == f"spendgate-{name}"
        role = None if name is Process.WORKER else f"spendgate_{name}"  # it needs no database
        assert urlsplit(environment["SPENDGATE_DATABASE_URL"]).username == role
        assert f"/{name}.password" in environment["SPENDGATE_KAFKA_PASSWORD_FILE"]

    brand = commands.brand("--daily-budget", "10")
    campaign = commands.campaign(brand)
    until(lambda: commands.json("campaign", "show", campaign)["sequence"] == 1, READY_SECONDS, up)
    commands.done("simulate-spend", campaign, "10.5")
    until(lambda: commands.json("campaign", "show", campaign)["state"] == "paused", READY_SECONDS, up)
    until(lambda: len(commands.json("control", "list", "--campaign", campaign)) == 2, READY_SECONDS, up)
    until(lambda: commands.run("reconcile").exit_code == 0, READY_SECONDS, up)
    assert denials(up) == []


def test_a_principal_has_the_rights_of_its_clients_and_could_be_no_other_process(up: Up) -> None:
    might_be = {"operator": {Process.SCHEDULER, Process.API}, "demo": set()}  # which do what commands do
    for name, principal in PRINCIPALS.items():
        missing = asyncio.run(missing_rights(entry_of(up, name), CLIENTS.values()))
        assert {client for client in principal.clients if missing[client]} == set(), name
        assert {process for process in Process if not missing[process]} == might_be.get(name, {name}), name
    assert not any(asyncio.run(missing_rights(entry_of(up, "administrator"), CLIENTS.values())).values())


def test_a_principal_may_not_do_what_is_anothers(up: Up) -> None:
    ledger = entry_of(up, "ledger")
    with pytest.raises(TopicAuthorizationFailedError):
        asyncio.run(write(ledger, "controller-state"))
    assert any("spendgate-ledger" in line and "controller-state" in line for line in denials(up))
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run_sql(ledger, "DELETE FROM spend_log")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run_sql(entry_of(up, "notifier"), "SELECT FROM account")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run_sql(entry_of(up, "operator"), "ALTER TABLE brand ADD COLUMN mine text")
    with pytest.raises(psycopg2.OperationalError, match="password"):
        run_sql(entry_of(up, "worker"), "SELECT")


def test_it_says_how_to_enter_and_keeps_its_secrets(up: Up) -> None:
    for name in PRINCIPALS:
        [line] = [line for line in up.lines if line.startswith(f"{name}: ")]
        assert f"User:spendgate-{name}" in line
        assert line.endswith(f"; . {up.folder}/credentials/{name}.env")
    secrets = [up.folder / "kafka" / "security" / "password", up.folder / "postgres" / "password"]
    secrets += (up.folder / "credentials").glob("*.password")
    values = [path.read_text() for path in secrets]
    assert values[0] not in (up.folder / "run.json").read_text()
    readable = [path for path in (*up.folder.iterdir(), *(up.folder / "logs").iterdir()) if _is_open(path)]
    assert not [path for path in readable if path.is_file() and any(it in path.read_text() for it in values)]
    assert not _is_open(up.folder / "kafka")
    assert not _is_open(up.folder / "credentials")
    assert not any(value in " ".join(one.cmdline()) for one in up.family() for value in values)
    assert not any(value in line for line in up.lines for value in values)


def test_commands_in_its_folder_are_the_operators_and_elsewhere_nobody_enters(up: Up, commands: Commands) -> None:
    assert "spend-events" in in_folder(up.folder, "kafka", "kafka-topics", "--list").stdout.split()
    commands.done("topics", "check")
    commands.done("doctor", "--for", "status")
    other_entry = {"SPENDGATE_BROKERS": up.run_file()["brokers"]}
    assert in_folder(up.folder / "other", "topics", "check", **other_entry).returncode == 5


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o077)
