"""The frame of all commands, run in this process: JSON, syntax, negative amounts, exit codes."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import AsyncMock

import psycopg2
import pytest
from aiokafka.errors import KafkaConnectionError
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

import core.errors
import models.errors
from cli import output
from cli.__main__ import application
from cli.framework import PASSED_THROUGH, CommandGroup, run
from local.service_errors import PortBusy
from streams.setting_kinds import Secret
from streams.settings import SETTINGS


@pytest.fixture
def app() -> CommandGroup:
    app = CommandGroup()

    @app.command()
    def spend(campaign: str, amount: str, event_id: str = "none") -> None:
        output.show({"campaign": campaign, "amount": amount, "event_id": event_id}, f"{campaign} {amount} {event_id}")

    @app.command(context_settings=PASSED_THROUGH)
    def tool(arguments: list[str]) -> None:
        output.show(arguments, "|".join(arguments))

    return app


@pytest.mark.parametrize("amount", ["-5.00", "-.5", "-5", "5.00", "-1e3"])
def test_a_negative_amount_needs_no_dashes_before_it(
    app: CommandGroup, amount: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app, ["spend", "c", amount]) == 0
    assert capsys.readouterr().out == f"c {amount} none\n"


def test_a_negative_number_may_be_the_value_of_an_option(app: CommandGroup, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["spend", "c", "1", "--event-id", "-7"]) == 0
    assert capsys.readouterr().out == "c 1 -7\n"


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_json_may_stand_anywhere(app: CommandGroup, place: int, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["spend", "c", "-1.00"]
    arguments.insert(place, "--json")
    assert run(app, arguments) == 0
    assert json.loads(capsys.readouterr().out) == {"campaign": "c", "amount": "-1.00", "event_id": "none"}


@pytest.mark.parametrize("arguments", [["--version", "--json"], ["--json", "--version"]])
def test_the_version_is_json_wherever_that_is_asked_for(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(application(arguments), arguments) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["version"]


@pytest.mark.parametrize(
    ("arguments", "observed"),
    [
        (["up", "--kafka-port", "65536"], "write 0 to 65535"),
        (["up", "--http-port", "http"], "write 0 to 65535"),
        (["up", "--postgres-port", "-1"], "write 0 to 65535"),
        (["spend", "list", "--day", "none"], "no date for --day: write one such as 2025-09-08.\n"),
        (["snapshots", "import", "-", "--day", "none"], "no date for --day: write one such as 2025-09-08.\n"),
    ],
)
def test_a_wrong_value_is_refused_with_exit_4(
    arguments: list[str], observed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(application(arguments), arguments) == 4
    assert observed in capsys.readouterr().err


def test_json_is_forgotten_between_two_runs(app: CommandGroup, capsys: pytest.CaptureFixture[str]) -> None:
    run(app, ["spend", "c", "1", "--json"])
    capsys.readouterr()
    run(app, ["spend", "c", "1"])
    assert capsys.readouterr().out == "c 1 none\n"


def test_a_tool_gets_its_arguments_as_they_are(app: CommandGroup, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["kafka-topics", "--help", "--json", "-5", "--", "--property", "a=b"]
    assert run(app, ["tool", *arguments]) == 0
    assert capsys.readouterr().out == "|".join(arguments) + "\n"


@pytest.mark.parametrize(
    "arguments", [["spend"], ["spend", "c"], ["spend", "c", "1", "2"], ["spend", "--event", "x"], ["nothing"]]
)
def test_wrong_syntax_is_exit_2_and_one_line_that_names_the_help(
    app: CommandGroup, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app, arguments) == 2
    streams_of_run = capsys.readouterr()
    assert streams_of_run.out == ""
    assert streams_of_run.err.count("\n") == 1
    assert "--help" in streams_of_run.err


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (core.errors.NotFound("There is no campaign x."), 3),
        (models.errors.RowNotFound("There is no brand x."), 3),
        (core.errors.RefusedValue(), 4),
        (models.errors.AlreadyExists(), 4),
        (models.errors.StaleEdit(), 4),
        (models.errors.Refused(), 4),
        (PortBusy("Kafka", 1), 4),
        (core.errors.Unreachable(), 5),
        (models.errors.DatabaseAway(), 5),
        (psycopg2.OperationalError("connection refused\nIs the server running?"), 5),
        (KafkaConnectionError("no broker"), 5),
        (TimeoutError(), 5),
        (ExceptionGroup("several", [core.errors.Unreachable()]), 5),
        (core.errors.ConfigurationError(), 1),
        (models.errors.NotMigrated(), 1),
        (KeyError("x"), 1),
    ],
)
def test_every_failure_is_one_sentence_and_its_exit_code(
    error: Exception, exit_code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    app = CommandGroup()

    @app.command()
    def fail() -> None:
        raise error

    @app.command()
    def other() -> None:
        """So that `fail` stays a command of its own."""

    assert run(app, ["fail"]) == exit_code
    message = capsys.readouterr()
    assert message.out == ""
    assert message.err.count("\n") == 1
    assert message.err.endswith((".\n", "?\n"))


def test_a_wrong_setting_is_refused_by_name_and_its_value_stays_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPENDGATE_PARTITIONS", "hunter2")
    assert run(application(), ["topics", "check"]) == 4
    message = capsys.readouterr().err
    assert "SPENDGATE_PARTITIONS" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("arguments", [["topics", "check"], ["topics", "create", "--json"], ["migrate"]])
def test_services_that_are_away_are_exit_5_within_ten_seconds(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPENDGATE_BROKERS", "127.0.0.1:1")
    monkeypatch.setenv("SPENDGATE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    started_at = time.monotonic()
    assert run(application(), arguments) == 5
    assert time.monotonic() - started_at < 10
    assert capsys.readouterr().out == ""


#: Commands that need the database first, the broker first, or one alone.
REACHING = [
    ["brand", "list"],
    ["brand", "show", "x"],
    ["campaign", "add", "c", "--brand", "b"],
    ["campaign", "why", "x"],
    ["check"],
    ["control", "list"],
    ["control", "tail"],
    ["dlq", "list"],
    ["doctor"],
    ["migrate"],
    ["reconcile"],
    ["schedule", "preview", "x"],
    ["simulate-spend", "x", "1"],
    ["spend", "list"],
    ["status"],
    ["token", "list"],
    ["topics", "check"],
    ["user", "list"],
]


@pytest.fixture
def defaults_of_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder without an `up`, and defaults at which nothing listens."""
    for name in [name for name in os.environ if name.startswith("SPENDGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(SETTINGS["brokers"], "default", "127.0.0.1:1")
    monkeypatch.setattr(SETTINGS["database_url"], "default", Secret("postgresql://x@127.0.0.1:1/x"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("arguments", REACHING, ids=" ".join)
def test_a_command_in_another_folder_names_the_setting_that_leads_to_the_data_folder(
    arguments: list[str], defaults_of_nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(application(), arguments) == (1 if arguments == ["doctor"] else 5)
    message = capsys.readouterr().err
    assert f"No `spendgate up` runs on the data folder {defaults_of_nowhere / '.spendgate'}" in message
    assert "set SPENDGATE_DATA_DIR" in message


@pytest.mark.parametrize("process", ["worker", "scheduler", "ledger", "notifier", "api"])
def test_a_process_in_another_folder_names_that_setting_before_it_waits(
    process: str, defaults_of_nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for entry in ("streams.worker.run.run_worker", "schedulers.__main__.main", "console.run.run"):
        monkeypatch.setattr(entry, lambda settings: None)
    monkeypatch.setattr("ledger.ingest.run.run", AsyncMock())
    monkeypatch.setattr("notifier.run.run", AsyncMock())
    assert run(application(), [process]) == 0
    assert "set SPENDGATE_DATA_DIR" in "".join(capsys.readouterr())


def test_only_addresses_that_have_their_defaults_are_named(
    defaults_of_nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPENDGATE_BROKERS", "127.0.0.1:1")
    assert run(application(), ["brand", "list"]) == 5
    message = capsys.readouterr().err
    assert "SPENDGATE_DATABASE_URL has its default" in message
    assert "SPENDGATE_BROKERS" not in message
    monkeypatch.setenv("SPENDGATE_DATABASE_URL", "postgresql://x@127.0.0.1:1/x")
    assert run(application(), ["brand", "list"]) == 5
    assert "SPENDGATE_DATA_DIR" not in capsys.readouterr().err


#: What takes a tenth of a second of CPU or more to import.
HEAVY = {
    "aiokafka",
    "alembic",
    "confluent_kafka",
    "fastapi",
    "faust",
    "psycopg2",
    "pydantic",
    "rich",
    "sqlalchemy",
    "structlog",
}
SCRIPT = """
import sys
from cli.__main__ import application
from cli.framework import run
code = run(application(sys.argv[1:]), sys.argv[1:])
print("loaded", code, *sorted(sys.modules))
"""


@pytest.mark.parametrize(
    ("arguments", "exit_code", "needed"),
    [
        (["--version"], 0, set()),
        (["--help"], 0, {"rich"}),
        (["brand", "list", "--json"], 5, {"sqlalchemy", "psycopg2"}),
        (["campaign", "list", "--json"], 5, {"sqlalchemy", "psycopg2"}),
        (["brand", "show", "x", "--json"], 5, {"psycopg2", "aiokafka"}),
        (["campaign", "show", "x", "--json"], 5, {"psycopg2", "aiokafka"}),
        (["brand", "set", "x", "--name", "y"], 5, {"sqlalchemy", "psycopg2"}),
        (["campaign", "pause", "x"], 5, {"sqlalchemy", "psycopg2"}),
        (["topics", "check"], 5, {"aiokafka", "structlog", "rich"}),
        (["simulate-spend", "x", "1"], 5, {"sqlalchemy", "psycopg2", "aiokafka", "structlog", "rich"}),
    ],
)
def test_a_command_imports_the_heavy_libraries_that_it_needs_alone(
    arguments: list[str], exit_code: int, needed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """structlog imports rich by itself."""
    monkeypatch.setenv("SPENDGATE_BROKERS", "127.0.0.1:1")
    monkeypatch.setenv("SPENDGATE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    result = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True)
    code, *loaded = result.stdout.partition("loaded ")[2].split()
    assert int(code) == exit_code, result.stderr
    assert HEAVY & set(loaded) <= needed


def _interface_of(command: TyperCommand | TyperGroup) -> object:
    """What a command line can give it, and what its help says."""
    below = command.commands.items() if isinstance(command, TyperGroup) else ()
    params = [(it.name, it.opts, it.required, getattr(it, "help", None)) for it in command.params]
    return command.name, command.help, params, {name: _interface_of(it) for name, it in below}


def test_a_command_that_is_made_alone_is_the_one_that_is_made_with_all() -> None:
    together = get_command(application())
    assert isinstance(together, TyperGroup) and len(together.commands) > 25
    for name, command in together.commands.items():
        for arguments in ([name], ["--json", name]):
            alone = get_command(application(arguments))
            assert isinstance(alone, TyperGroup)
            assert _interface_of(alone.commands[name]) == _interface_of(command), name
    for arguments in ([], ["--help"], ["nothing"], ["what_if"], ["--json"]):
        assert _interface_of(get_command(application(arguments))) == _interface_of(together), arguments
    alone = get_command(application(["brand", "list"]))
    assert isinstance(alone, TyperGroup) and set(alone.commands) == {"brand"}


def test_the_log_of_a_command_is_configured_when_there_is_something_to_log() -> None:
    script = """
from cli.catalog_editing import _silence_clients
from models.lazy_log import log
_silence_clients()
log.info("hidden")
log.warning("told", why="because")
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == ""
    assert "told" in result.stderr and "hidden" not in result.stderr


EXIT_SCRIPT = """
import atexit, gc, sys
from cli.__main__ import main
atexit.register(lambda: print("at exit", len(gc.get_objects())))
sys.argv = ["spendgate", "--version"]
main()
"""


def test_at_the_exit_of_a_command_there_is_nothing_to_look_through_for_garbage() -> None:
    result = subprocess.run([sys.executable, "-c", EXIT_SCRIPT], capture_output=True, text=True, check=True)
    assert int(result.stdout.rpartition("at exit ")[2]) < 1_000
