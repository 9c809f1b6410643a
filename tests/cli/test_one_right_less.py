"""A command whose user lacks one right of those that `topics acls` prints says which, or does without it; a command for
which nothing is printed needs no right."""

import asyncio
import gc
import io
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import psycopg2
import pytest
from typer.core import TyperGroup
from typer.main import get_command

from cli.__main__ import application
from core.errors import ExitCode
from local.kafka import LocalKafka
from streams.kafka.acls import acl_lines
from streams.kafka.options import entry_environment
from streams.kafka.provision import create_topics
from streams.kafka.rights import CommandLine, Operation, Process, Right, rights_of
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.commands import EXECUTABLE, Commands
from tests.streams.acl_changes import denied, new_user, run_acl_lines
from tests.streams.worker_process import WorkerProcess
from tests.topics import delete_topics

PATIENCE_SECONDS: Final = 60

#: Command lines that need the rights of a client. NEW is another name each time, the files are made by `Installation`.
LINES: Final[dict[CommandLine, list[str]]] = {
    CommandLine.CHECK: ["check"],
    CommandLine.RESET: ["reset daily --time-zone UTC"],
    CommandLine.SIMULATE_SPEND: ["simulate-spend CAMPAIGN 0.1"],
    CommandLine.SPEND_IMPORT: ["spend import SPEND"],
    CommandLine.SNAPSHOTS_IMPORT: ["snapshots import TOTALS"],
    CommandLine.BRAND: ["brand set BRAND --name NEW", "brand show BRAND"],
    CommandLine.CAMPAIGN: ["campaign set CAMPAIGN --name NEW", "campaign show CAMPAIGN", "campaign why CAMPAIGN"],
    CommandLine.CATALOG: ["catalog plan CATALOG", "catalog apply CATALOG --yes"],
    CommandLine.SIMULATE_TRAFFIC: ["simulate-traffic --brand BRAND --events 3 --rate 100"],
    CommandLine.CONTROL_RESEND: ["control resend CAMPAIGN", "control resend --all"],
    CommandLine.CONTROL_TAIL: ["control tail --from-start"],
    CommandLine.DLQ: ["dlq list", "dlq show 0/0"],
    CommandLine.DLQ_REPLAY: ["dlq replay --all --force"],
    CommandLine.STATUS: ["status"],
    CommandLine.TOPICS_CHECK: ["topics check"],
    CommandLine.TOPICS_CREATE: ["topics create"],
    CommandLine.RECONCILE: ["reconcile"],
    CommandLine.RECONCILE_REPAIR: ["reconcile --repair --yes"],
}


class OnNewTopics(NamedTuple):
    """A line that wants topics without records, or that makes topics, and the rights that it does without."""

    client: CommandLine
    line: str
    not_used: set[str]


#: The new topics have no records to read, and the ledger has no totals of platforms. LATER is after all spend.
ON_NEW_TOPICS: Final = (
    OnNewTopics(CommandLine.TOPICS_CREATE, "topics create", set()),
    OnNewTopics(
        CommandLine.REPLAY,
        "replay --from-ledger",
        {
            "Read on topic catalog",
            "Read on topic spend-events",
            "Write on topic spend-corrections",
            "Write on topic spend-snapshots",
        },
    ),
    OnNewTopics(
        CommandLine.REPLAY,
        "replay --from-ledger --since LATER",
        {
            "Read on topic catalog",
            "Read on topic spend-events",
            "Write on topic spend-events",
            "Write on topic spend-snapshots",
        },
    ),
    OnNewTopics(
        CommandLine.SIMULATE_DAY,
        "simulate-day --events 20 --brands 1",
        {
            "Read on topic sim-*",
            "Delete on topic sim-*",
            "DescribeConfigs on topic sim-*",
            "Read on group sim-*",
            "Write on transactional id sim-*",
        },
    ),
    OnNewTopics(CommandLine.SIMULATE_DAY, "simulate-day --events 20 --brands 1 --run", set()),
)
#: `doctor` says what is missing for everybody (tests/streams/kafka/test_failures.py).
ELSEWHERE: Final = {CommandLine.DOCTOR}
#: Command lines of a user without any right.
WITHOUT_RIGHTS: Final = (
    "brand list",
    "brand history BRAND",
    "campaign list",
    "campaign history CAMPAIGN",
    "campaign timeline CAMPAIGN --from 2026-11-01 --to 2026-11-02",
    "catalog export",
    "schedule preview CAMPAIGN",
    "spend list",
    "report BRAND 2026-11",
    "control list",
    "control show CAMPAIGN:1:1",
    "notification list",
    "user add ann",
    "user list",
    "user set-role ann operator",
    "user set-password ann",
    "user disable ann",
    "user enable ann",
    "token create bids --role operator",
    "token list",
    "token revoke bids",
    "channel add ops https://hooks.example.org/x",
    "channel list",
    "channel pause ops",
    "channel resume ops",
    "channel remove ops",
    "migrate",
    "topics acls",
    "database roles",
)
#: `what-if` needs a past of the ledger, `channel test` a receiver; neither uses Kafka. `kafka` runs a tool of Kafka,
#: and `up` owns its cluster.
NOT_RUN: Final = {"what-if", "channel test", "kafka", "up"}


class Installation:
    """Topics with a worker and a ledger, one brand with a campaign, and records on each topic that commands read."""

    def __init__(self, commands: Commands, owner: Settings, folder: Path) -> None:
        self.owner = owner
        self._commands = commands
        self._folder = folder
        self._number = 0
        self._later = ""
        self._brand = commands.brand("--daily-budget", "10")
        self._campaign = commands.campaign(self._brand)
        commands.done("check")
        commands.done(*self.line("spend import UNKNOWN"))
        until(lambda: commands.json("dlq", "list") != [])
        until(lambda: commands.json("control", "list", "--campaign", self._campaign) != [])

    def spend(self) -> None:
        """Returns when the ledger has it."""
        self._commands.done(*self.line("spend import SPEND"))
        until(lambda: self._commands.json("spend", "list") != [])
        self._later = datetime.now(UTC).isoformat()

    def line(self, text: str) -> list[str]:
        self._number += 1
        ids = {"brand_id": self._brand, "campaign_id": self._campaign}
        spend = {"event_id": f"e{self._number}", "amount": "1"}
        rows = {
            "SPEND": ids | spend,
            "UNKNOWN": ids | spend | {"brand_id": "nobody"},
            "TOTALS": ids | {"source": "shop", "day": "2026-11-01", "cost": str(self._number)},
            "CATALOG": {"kind": "campaign", "brand_id": self._brand, "campaign_id": f"{self._brand}.{self._number}"},
        }
        words = {"BRAND": self._brand, "CAMPAIGN": self._campaign, "NEW": f"name-{self._number}", "LATER": self._later}
        return [str(self._file(rows[it])) if it in rows else _filled(it, words) for it in text.split()]

    def run(self, text: str, user: str) -> tuple[int, str]:
        """Exit code and stderr."""
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("SPENDGATE_KAFKA_USERNAME", user)
            environment.setenv("SPENDGATE_KAFKA_PASSWORD", user)
            environment.delenv("SPENDGATE_KAFKA_PASSWORD_FILE")  # the owner's
            environment.setattr("sys.stdin", io.StringIO("a long enough passphrase\n"))
            result = self._commands.run(*self.line(text))
        return result.exit_code, result.err

    def _file(self, row: dict[str, str]) -> Path:
        """With one row: of the catalog YAML, which JSON is too, and else JSON lines."""
        path = self._folder / f"{self._number}.{'yaml' if 'kind' in row else 'jsonl'}"
        path.write_text(json.dumps([row] if "kind" in row else row) + "\n")
        return path


@pytest.fixture
def installation(
    secured_kafka: LocalKafka,
    migrated_url: str,
    topic_prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Installation]:
    owner = Settings(
        **secured_kafka.client_settings, topic_prefix=topic_prefix, partitions=1, database_url=migrated_url
    )
    for name in [name for name in os.environ if name.startswith("SPENDGATE_")]:
        monkeypatch.delenv(name)
    environment = entry_environment(owner) | {
        "SPENDGATE_TOPIC_PREFIX": topic_prefix,
        "SPENDGATE_PARTITIONS": "1",
        "SPENDGATE_DATABASE_URL": migrated_url,
        "SPENDGATE_DATA_DIR": str(tmp_path / "data"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    asyncio.run(create_topics(owner))
    commands: list[list[str]] = [[str(EXECUTABLE), name] for name in ("worker", "ledger")]
    processes = [
        WorkerProcess(owner, tmp_path / f"{it[1]}.log", it, SPENDGATE_DATABASE_URL=migrated_url) for it in commands
    ]
    try:
        for process in processes:
            process.start()
        yield Installation(Commands(capsys), owner, tmp_path)
    finally:
        for process in processes:
            process.kill()


@pytest.mark.long_only
@pytest.mark.timeout(600)
# A client that is refused may have a connection that it opened while it was closed; a command's process ends with it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_command_that_lacks_one_right_says_which(installation: Installation) -> None:
    owner, said = installation.owner, dict.fromkeys(LINES, 0)
    for client, lines in LINES.items():
        user = f"{owner.topic_prefix}{client.replace(' ', '-')}"
        new_user(owner, user)
        run_acl_lines(owner, acl_lines(user, rights_of([client], owner), owner))
        if client is CommandLine.RECONCILE_REPAIR:
            _lose_rows(owner.database)
        for right in reversed(rights_of([client], owner)):  # so that a repair comes last that lacks nothing it needs
            with _without(owner, user, right):
                for line in lines:
                    code, err = installation.run(line, user)
                    said[client] += _says_it(code, err, user, right)
                    assert _says_it(code, err, user, right) or _went_well(line, code), (line, right, code, err)
    assert {client for client, count in said.items() if not count} == set()
    gc.collect()


@pytest.mark.long_only
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # as above
@pytest.mark.parametrize(("client", "line", "not_used"), ON_NEW_TOPICS, ids=[it.line for it in ON_NEW_TOPICS])
def test_a_command_that_makes_or_fills_topics_says_which_right_it_lacks(
    installation: Installation, client: CommandLine, line: str, not_used: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, done_without = installation.owner, set[str]()
    installation.spend()
    user = f"{owner.topic_prefix}on-new-topics-{client.replace(' ', '-')}"
    new_user(owner, user)
    new = _with_rights_on_new_topics(owner, user, client, 0)
    for number, of_any_prefix in enumerate(rights_of([client], owner.replace(topic_prefix=""))):
        right = of_any_prefix._replace(name=new.topic(of_any_prefix.name))
        if client is CommandLine.TOPICS_CREATE:
            asyncio.run(_leave_one_missing(new, right.name))
        monkeypatch.setenv("SPENDGATE_TOPIC_PREFIX", new.topic_prefix)
        with _without(owner, user, right):
            code, err = installation.run(line, user)
        if _says_it(code, err, user, right):
            continue
        assert code == ExitCode.DONE, (right, code, err)
        done_without.add(str(of_any_prefix))
        if client is CommandLine.REPLAY:  # what it has filled it does not fill again
            new = _with_rights_on_new_topics(owner, user, client, number + 1)
    assert sorted(done_without) == sorted(not_used)
    gc.collect()


def test_a_command_for_which_nothing_is_printed_needs_no_right(installation: Installation) -> None:
    nobody = f"{installation.owner.topic_prefix}nobody"
    new_user(installation.owner, nobody)
    for line in WITHOUT_RIGHTS:
        code, err = installation.run(line, nobody)
        assert code == ExitCode.DONE, (line, err)


def test_every_command_is_in_one_of_the_tables() -> None:
    lines = [line for of_client in LINES.values() for line in of_client]
    lines += [it.line for it in ON_NEW_TOPICS]
    words = {*NOT_RUN, *Process, *ELSEWHERE, *_commands_of([*lines, *WITHOUT_RIGHTS])}
    of_rights = {it for it in _every_command() if it.split()[0] in {*CommandLine}}  # such as all others of `brand`
    assert set(_every_command()) - words - of_rights == set()
    assert {*LINES, *ELSEWHERE, *(it.client for it in ON_NEW_TOPICS)} == {*CommandLine}


def _every_command() -> Iterator[str]:
    root = get_command(application())
    assert isinstance(root, TyperGroup)
    for name, command in root.commands.items():
        yield from (f"{name} {it}" for it in command.commands) if isinstance(command, TyperGroup) else [name]


def _commands_of(lines: list[str]) -> set[str]:
    return {name for name in _every_command() if any(f"{line} ".startswith(f"{name} ") for line in lines)}


@contextmanager
def _without(owner: Settings, user: str, right: Right) -> Iterator[None]:
    resource = [f"--{right.resource.replace(' ', '-')}", right.name]
    pattern = ["--resource-pattern-type", "prefixed"] if right.is_prefix else []
    with denied(owner, f"User:{user}", right.operation, [*resource, *pattern]):
        yield


def _with_rights_on_new_topics(owner: Settings, user: str, client: CommandLine, number: int) -> Settings:
    """The settings of topics under another prefix, where the user may do what the client needs."""
    new = owner.replace(topic_prefix=f"{owner.topic_prefix}{client.replace(' ', '-')}-{number}-")
    run_acl_lines(owner, acl_lines(user, rights_of([client], new), new))
    if client is not CommandLine.SIMULATE_DAY:  # it makes its own
        asyncio.run(create_topics(new))
    return new


async def _leave_one_missing(settings: Settings, name: str) -> None:
    [topic] = [it for it in Topic if settings.topic(it) == name]
    await create_topics(settings)
    await delete_topics(settings, topic)


def _says_it(code: int, err: str, user: str, right: Right) -> bool:
    """By one sentence that names the user, the resource and, where Kafka tells it, the operation. Whoever may write no
    topic at all gets no idempotent producer, and Kafka does not say for which topic. A process names all that it
    lacks."""
    operation = right.operation.name if right.operation is not Operation.Describe else r"\w+"
    name = rf"{right.name}\S*" if right.is_prefix else right.name
    that = rf"(may not {operation} the|lacks a right on the) {right.resource} {name}: let "
    of_producers = "|may Write no topic: let " if right.operation is Operation.Write else ""
    of_processes = rf"|lacks rights of the \w+: {operation} on {right.resource} {name}, " if right.is_prefix else ""
    what = rf"^User:{re.escape(user)} ({that}{of_producers}{of_processes})"
    return code == ExitCode.UNREACHABLE and bool(re.search(what, err, re.MULTILINE))


def _went_well(line: str, code: int) -> bool:
    return code == (ExitCode.FAILED if line.startswith("catalog plan") else ExitCode.DONE)  # it has differences


def _filled(text: str, words: dict[str, str]) -> str:
    return re.sub(r"\b(?:BRAND|CAMPAIGN|NEW|LATER)\b", lambda found: words[found[0]], text)


def _lose_rows(database_url: str) -> None:
    """So that there is something to repair; the database itself lets nobody delete them."""
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; DELETE FROM spend_log")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
