"""The frame of all commands, run in this process: JSON, syntax, negative amounts, exit codes."""

import json
import subprocess
import sys
import time

import psycopg2
import pytest
from aiokafka.errors import KafkaConnectionError

import models.errors
import streams.errors
from console.cli import output
from console.cli.__main__ import application
from console.cli.frame import PASSED_THROUGH, App, run
from console.local.errors import PortBusy


@pytest.fixture
def app() -> App:
    app = App()

    @app.command()
    def spend(campaign: str, amount: str, event_id: str = "none") -> None:
        output.show({"campaign": campaign, "amount": amount, "event_id": event_id}, f"{campaign} {amount} {event_id}")

    @app.command(context_settings=PASSED_THROUGH)
    def tool(arguments: list[str]) -> None:
        output.show(arguments, "|".join(arguments))

    return app


@pytest.mark.parametrize("amount", ["-5.00", "-.5", "-5", "5.00", "-1e3"])
def test_a_negative_amount_needs_no_dashes_before_it(app: App, amount: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["spend", "c", amount]) == 0
    assert capsys.readouterr().out == f"c {amount} none\n"


def test_a_negative_number_may_be_the_value_of_an_option(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["spend", "c", "1", "--event-id", "-7"]) == 0
    assert capsys.readouterr().out == "c 1 -7\n"


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_json_may_stand_anywhere(app: App, place: int, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["spend", "c", "-1.00"]
    arguments.insert(place, "--json")
    assert run(app, arguments) == 0
    assert json.loads(capsys.readouterr().out) == {"campaign": "c", "amount": "-1.00", "event_id": "none"}


def test_json_is_forgotten_between_two_runs(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    run(app, ["spend", "c", "1", "--json"])
    capsys.readouterr()
    run(app, ["spend", "c", "1"])
    assert capsys.readouterr().out == "c 1 none\n"


def test_a_tool_gets_its_arguments_as_they_are(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["kafka-topics", "--help", "--json", "-5", "--", "--property", "a=b"]
    assert run(app, ["tool", *arguments]) == 0
    assert capsys.readouterr().out == "|".join(arguments) + "\n"


@pytest.mark.parametrize(
    "arguments", [["spend"], ["spend", "c"], ["spend", "c", "1", "2"], ["spend", "--event", "x"], ["nothing"]]
)
def test_wrong_syntax_is_exit_2_and_one_line_that_names_the_help(
    app: App, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app, arguments) == 2
    streams_of_run = capsys.readouterr()
    assert streams_of_run.out == ""
    assert streams_of_run.err.count("\n") == 1
    assert "--help" in streams_of_run.err


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (streams.errors.NotFound("There is no campaign x."), 3),
        (models.errors.NotFound("There is no brand x."), 3),
        (streams.errors.RefusedValue(), 4),
        (models.errors.AlreadyExists(), 4),
        (models.errors.StaleEdit(), 4),
        (models.errors.Refused(), 4),
        (PortBusy("Kafka", 1), 4),
        (streams.errors.Unreachable(), 5),
        (models.errors.DatabaseAway(), 5),
        (psycopg2.OperationalError("connection refused\nIs the server running?"), 5),
        (KafkaConnectionError("no broker"), 5),
        (TimeoutError(), 5),
        (ExceptionGroup("several", [streams.errors.Unreachable()]), 5),
        (streams.errors.ConfigurationError(), 1),
        (models.errors.NotMigrated(), 1),
        (KeyError("x"), 1),
    ],
)
def test_every_failure_is_one_sentence_and_its_exit_code(
    error: Exception, exit_code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    app = App()

    @app.command()
    def fail() -> None:
        raise error

    @app.command()
    def other() -> None:
        """So that `fail` stays a command of its own."""

    assert run(app, ["fail"]) == exit_code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.endswith((".\n", "?\n"))


def test_a_wrong_setting_is_refused_by_name_and_its_value_stays_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPENDGATE_PARTITIONS", "hunter2")
    assert run(application(), ["topics", "check"]) == 4
    said = capsys.readouterr().err
    assert "SPENDGATE_PARTITIONS" in said
    assert "hunter2" not in said


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


def test_the_help_comes_without_the_heavy_libraries() -> None:
    code = (
        "import sys; from console.cli.__main__ import application; application();"
        "print(*{'faust', 'sqlalchemy', 'aiokafka', 'pydantic', 'alembic'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
