"""Every process and every command on a broker that asks for a password and for rights, over TLS."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from core.errors import ExitCode
from local.kafka import LocalKafka
from local.ports import choose_port
from models.privileges import DatabaseRole
from streams.kafka.acls import principal_name
from streams.kafka.options import entry_environment
from streams.kafka.rights import CLIENTS, Client, CommandLine
from streams.settings import Settings
from tests.commands import EXECUTABLE, Commands, run_kafka_tool, start
from tests.database_roles import set_passwords, url_of_role
from tests.forks import Fork
from tests.health import is_ready
from tests.streams.acl_changes import new_user, run_acl_lines

PROCESSES = ("worker", "scheduler", "ledger", "notifier", "api")
READY_SECONDS = 120
#: Whose rights were used.
ENTERED: set[Client] = set()


@pytest.fixture
def commands(
    secured_kafka: LocalKafka,
    database_url: str,
    topic_prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commands:
    for name in [name for name in os.environ if name.startswith("SPENDGATE_")]:
        monkeypatch.delenv(name)
    own = {"TOPIC_PREFIX": topic_prefix, "DATABASE_URL": database_url, "PARTITIONS": "2", "DATA_DIR": str(tmp_path)}
    owner = entry_environment(Settings(**secured_kafka.client_settings))
    for name, value in {**owner, **{f"SPENDGATE_{key}": it for key, it in own.items()}}.items():
        monkeypatch.setenv(name, value)
    return Commands(capsys)


class Process:
    def __init__(self, name: str, log: Path) -> None:
        self.name, self.log, self.port = name, log, choose_port(0, "test")
        environment = {**os.environ, "SPENDGATE_METRICS_PORT": str(self.port), "SPENDGATE_HTTP_PORT": str(self.port)}
        environment["PYTHONUNBUFFERED"] = "1"
        environment |= user_environment(f"{os.environ['SPENDGATE_TOPIC_PREFIX']}{name}")
        environment["SPENDGATE_DATABASE_URL"] = database_url_of(name)
        del environment["SPENDGATE_KAFKA_PASSWORD_FILE"]  # the owner's
        with log.open("wb") as out:
            self._process = Fork([name], environment, log.parent, out)

    def is_ready(self) -> bool:
        assert self._process.poll() is None, self.log.read_text()
        return is_ready(self.port)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def run_process(tmp_path: Path) -> Iterator[Callable[[str], Process]]:
    started: list[Process] = []

    def run(name: str) -> Process:
        started.append(Process(name, tmp_path / f"{name}.log"))
        return started[-1]

    yield run
    for process in started:
        process.kill()


def database_url_of(role: str) -> str:
    """Of a role that `database roles` made. The worker gets one that leads nowhere: it needs no database."""
    if role == "worker":
        return "postgresql://nobody@127.0.0.1:1/none"
    return url_of_role(os.environ["SPENDGATE_DATABASE_URL"], f"{os.environ['SPENDGATE_TOPIC_PREFIX']}{role}")


def user_environment(user: str) -> dict[str, str]:
    """Of one whose password is the name."""
    return {"SPENDGATE_KAFKA_USERNAME": user, "SPENDGATE_KAFKA_PASSWORD": user}


@contextmanager
def user_of(client: Client) -> Iterator[None]:
    """The settings of the user whom the printed lines allow what this command does."""
    with pytest.MonkeyPatch.context() as environment:
        name = principal_name(client, os.environ["SPENDGATE_TOPIC_PREFIX"])
        for key, value in user_environment(name).items():
            environment.setenv(key, value)
        environment.setenv("SPENDGATE_DATABASE_URL", database_url_of("operator"))
        environment.delenv("SPENDGATE_KAFKA_PASSWORD_FILE")  # the owner's
        ENTERED.add(client)
        yield


def test_with_the_rights_that_acls_prints_every_process_and_command_works_and_nothing_is_denied(
    commands: Commands,
    run_process: Callable[[str], Process],
    secured_kafka: LocalKafka,
    topic_prefix: str,
    database_url: str,
    tmp_path: Path,
) -> None:
    owner = Settings(**secured_kafka.client_settings)
    for client in CLIENTS.values():
        new_user(owner, principal_name(client, topic_prefix))
    run_acl_lines(owner, commands.done("topics", "acls", "--principal-prefix", topic_prefix).splitlines())

    def done(client: Client, *arguments: str) -> str:
        with user_of(client):
            return commands.done(*arguments)

    def answer_to(client: Client, *arguments: str) -> Any:
        with user_of(client):
            return commands.json(*arguments)

    run_sql(database_url, commands.done("database", "roles", "migrator", "--prefix", topic_prefix))
    set_passwords(database_url, f"{topic_prefix}migrator")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPENDGATE_DATABASE_URL", database_url_of("migrator"))
        commands.done("migrate")
    run_sql(database_url, commands.done("database", "roles", "--prefix", topic_prefix))
    set_passwords(database_url, *(f"{topic_prefix}{role}" for role in DatabaseRole))
    done(CommandLine.TOPICS_CREATE, "topics", "create")
    done(CommandLine.TOPICS_CHECK, "topics", "check")
    processes = [run_process(name) for name in PROCESSES]
    until(lambda: all(process.is_ready() for process in processes))

    with user_of(CommandLine.BRAND):
        brand = commands.brand("--daily-budget", "10")
    with user_of(CommandLine.CAMPAIGN):
        campaign = commands.campaign(brand)
    until(lambda: answer_to(CommandLine.CAMPAIGN, "campaign", "show", campaign)["sequence"] == 1)
    done(CommandLine.SIMULATE_SPEND, "simulate-spend", campaign, "10.5")
    until(lambda: answer_to(CommandLine.CAMPAIGN, "campaign", "show", campaign)["state"] == "paused")
    assert answer_to(CommandLine.CAMPAIGN, "campaign", "show", campaign)["reasons"] == ["daily_budget"]

    done(CommandLine.CHECK, "check")
    done(CommandLine.RESET, "reset", "daily", "--time-zone", "UTC")
    until(lambda: len(commands.json("control", "list", "--campaign", campaign)) == 2)
    with user_of(CommandLine.RECONCILE):
        until(lambda: commands.run("reconcile").exit_code == 0)
    lose_rows(database_url, brand)
    done(CommandLine.RECONCILE_REPAIR, "reconcile", "--repair", "--yes")
    until(lambda: len(commands.json("control", "list", "--campaign", campaign)) == 3)
    done(CommandLine.CONTROL_RESEND, "control", "resend", campaign)
    done(CommandLine.SPEND_IMPORT, "spend", "import", str(file_of_spend(tmp_path, brand, campaign)))
    done(CommandLine.SNAPSHOTS_IMPORT, "snapshots", "import", str(file_of_totals(tmp_path, brand, campaign)))
    done(CommandLine.DOCTOR, "doctor", "--for", "doctor")
    traffic = ["simulate-traffic", "--brand", brand, "--events", "20", "--rate", "100", "--wrong-keys", "50"]
    done(CommandLine.SIMULATE_TRAFFIC, *traffic)
    assert answer_to(CommandLine.DLQ, "dlq", "list") == []
    done(CommandLine.DLQ_REPLAY, "dlq", "replay", "--all")
    done(CommandLine.STATUS, "status")
    with user_of(CommandLine.CONTROL_TAIL):
        assert first_command_of_a_tail() == "resume"
    done(CommandLine.CATALOG, "catalog", "apply", str(file_of_catalog(tmp_path, brand)), "--format", "yaml", "--yes")
    done(CommandLine.SIMULATE_DAY, "simulate-day", "--events", "200", "--brands", "2")
    assert "spend events with their ids and times: on the broker" in replayed(commands, owner)
    processes[PROCESSES.index("worker")].kill()
    again = run_process("worker")
    until(again.is_ready)
    assert "dead_member_left" in again.log.read_text()
    assert set(CLIENTS.values()) - set(PROCESSES) == ENTERED
    assert denials(secured_kafka, topic_prefix) == []
    with user_of(CommandLine.STATUS):  # which may not write: the log would have shown it
        assert commands.run("check").exit_code == ExitCode.UNREACHABLE
    assert denials(secured_kafka, topic_prefix)

    listed = subprocess.run(
        [EXECUTABLE, "kafka", "kafka-topics", "--list"], capture_output=True, text=True, check=True, timeout=120
    )
    assert f"{topic_prefix}spend-events" in listed.stdout.split()
    assert run_kafka_tool("kafka-cluster", "cluster-id").startswith("Cluster ID: ")
    consume = ["--topic", f"{topic_prefix}campaign-control", "--from-beginning", "--max-messages", "1"]
    assert '"resume"' in run_kafka_tool("kafka-console-consumer", *consume)


def run_sql(database_url: str, sql: str) -> None:
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(sql)


def lose_rows(database_url: str, brand: str) -> None:
    """So that there is something to repair; the database itself lets nobody delete them."""
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; DELETE FROM spend_log WHERE brand_id = %s", (brand,))


def denials(kafka: LocalKafka, principals: str) -> list[str]:
    """What the authorizer has denied to those whose names begin so."""
    return [line for line in kafka.log.read_text().splitlines() if f"User:{principals}" in line and "Denied" in line]


def first_command_of_a_tail() -> str:
    process = start("control", "tail", "--from-start", "--json")
    assert process.stdout
    try:
        return str(json.loads(process.stdout.readline())["action"])
    finally:
        process.kill()
        process.communicate()


def replayed(commands: Commands, owner: Settings) -> str:
    """What `replay` says that fills a new, empty broker, as which topics of another prefix count."""
    prefix = os.environ["SPENDGATE_TOPIC_PREFIX"]
    with pytest.MonkeyPatch.context() as other:
        other.setenv("SPENDGATE_TOPIC_PREFIX", f"{prefix}new-")
        commands.done("topics", "create")
        acls = ["topics", "acls", "replay", "--principal", principal_name(CommandLine.REPLAY, prefix)]
        run_acl_lines(owner, commands.done(*acls).splitlines())
    with user_of(CommandLine.REPLAY), pytest.MonkeyPatch.context() as other:
        other.setenv("SPENDGATE_TOPIC_PREFIX", f"{prefix}new-")
        return commands.done("replay", "--from-ledger")


def file_of_catalog(folder: Path, brand: str) -> Path:
    path = folder / "catalog.yaml"
    path.write_text(json.dumps([{"kind": "campaign", "brand_id": brand, "campaign_id": f"{brand}.of-a-file"}]))
    return path


def file_of_spend(folder: Path, brand: str, campaign: str) -> Path:
    path = folder / "spend.jsonl"
    path.write_text(
        json.dumps({"event_id": "imported", "brand_id": brand, "campaign_id": campaign, "amount": "1"}) + "\n"
    )
    return path


def file_of_totals(folder: Path, brand: str, campaign: str) -> Path:
    path = folder / "totals.jsonl"
    ids = {"source": "shop", "brand_id": brand, "campaign_id": campaign}
    path.write_text(json.dumps({**ids, "day": f"{datetime.now(UTC):%Y-%m-%d}", "cost": "1"}) + "\n")
    return path


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
