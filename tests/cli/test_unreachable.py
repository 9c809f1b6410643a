"""A broker or database that is down: exit 5 within ten seconds, one sentence and no traceback."""

import socket
import time
from collections.abc import Iterator

import pytest

from tests.commands import Commands, start

PATIENCE_SECONDS = 10


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def campaign_id(commands: Commands) -> str:
    return commands.campaign(commands.brand())


@pytest.mark.parametrize(
    "arguments",
    [
        ["brand", "add", "in-vain", "--time-zone", "UTC", "--currency", "USD"],
        ["brand", "set", "BRAND", "--name", "new"],
        ["brand", "show", "BRAND"],
        ["campaign", "show", "CAMPAIGN"],
        ["simulate-spend", "CAMPAIGN", "1"],
        ["check"],
        ["reset", "daily", "--time-zone", "UTC"],
        ["control", "tail"],
        ["dlq", "list"],
        ["dlq", "show", "0/0"],
        ["dlq", "replay", "--all"],
        ["dlq", "drop", "--all", "--yes", "--because", "a test"],
        ["reconcile"],
    ],
)
def test_a_broker_that_is_down_is_exit_5_and_one_sentence(
    commands: Commands, campaign_id: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPENDGATE_BROKERS", "127.0.0.1:9")
    started_at = time.monotonic()
    result = commands.run(*_about(arguments, campaign_id))
    assert time.monotonic() - started_at < PATIENCE_SECONDS
    assert (result.exit_code, result.out) == (5, "")
    assert result.err.count("\n") == 1
    assert "127.0.0.1:9" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["brand", "add", "in-vain", "--time-zone", "UTC", "--currency", "USD"],
        ["brand", "show", "BRAND"],
        ["brand", "list"],
        ["campaign", "history", "CAMPAIGN"],
        ["schedule", "preview", "CAMPAIGN"],
        ["reconcile"],
        ["simulate-spend", "CAMPAIGN", "1"],
    ],
)
def test_a_database_that_is_down_is_exit_5_and_one_sentence(
    commands: Commands, campaign_id: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPENDGATE_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    started_at = time.monotonic()
    result = commands.run(*_about(arguments, campaign_id))
    assert time.monotonic() - started_at < PATIENCE_SECONDS
    assert (result.exit_code, result.out) == (5, "")
    assert result.err.count("\n") == 1


def test_a_broker_and_a_database_that_accept_and_stay_silent_are_given_up(
    commands: Commands, campaign_id: str, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    started_at = time.monotonic()
    with monkeypatch.context() as broker:
        broker.setenv("SPENDGATE_BROKERS", f"127.0.0.1:{silent_port}")
        processes = [start("simulate-spend", campaign_id, "1"), start("control", "tail")]
        processes.append(start("brand", "set", campaign_id.split(".")[0], "--name", "new"))
    with monkeypatch.context() as database:
        database.setenv("SPENDGATE_DATABASE_URL", f"postgresql://nobody@127.0.0.1:{silent_port}/nothing")
        processes.append(start("campaign", "show", campaign_id))
    for process in processes:
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err.count(b"\n")) == (5, b"", 1), err
    # Several start one beside the other, on as few as two cores that others use too.
    assert time.monotonic() - started_at < 2 * PATIENCE_SECONDS


def test_an_edit_whose_broker_is_away_is_kept_and_published_by_the_next(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setenv("SPENDGATE_BROKERS", "127.0.0.1:9")
        result = commands.run("brand", "add", "kept", "--time-zone", "UTC", "--currency", "USD")
        assert "The edit is kept" in result.err
    commands.done("brand", "set", "kept", "--name", "Kept")
    assert commands.json("brand", "list", "--search", "kept")[0]["name"] == "Kept"


def test_tables_that_are_not_there_are_told(
    commands: Commands, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPENDGATE_DATABASE_URL", database_url)
    result = commands.run("brand", "list")
    assert result.exit_code == 1
    assert "spendgate migrate" in result.err


def _about(arguments: list[str], campaign_id: str) -> list[str]:
    names = {"CAMPAIGN": campaign_id, "BRAND": campaign_id.split(".")[0]}
    return [names.get(argument, argument) for argument in arguments]
