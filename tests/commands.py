"""Command lines, run in this process or as the real executable."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from itertools import count
from pathlib import Path
from typing import IO, Any, NamedTuple

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from cli.__main__ import application
from cli.framework import run
from tests.forks import Fork

TOOL_SECONDS = 120
SHOW_SECONDS = 20
EXECUTABLE = Path(sys.executable).with_name("spendgate")
_numbers = count(1)


class CommandResult(NamedTuple):
    exit_code: int
    out: str
    err: str


class Commands:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *arguments: str) -> CommandResult:
        self._capsys.readouterr()
        exit_code = run(_application(), arguments)
        return CommandResult(exit_code, *self._capsys.readouterr())

    def done(self, *arguments: str) -> str:
        """What a command that must succeed prints."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result
        return result.out

    def json(self, *arguments: str) -> Any:
        """What a command prints as JSON. A `show` is repeated until the controller has applied all that was published
        before it: beside other test processes the two seconds that it waits by itself can be too few."""
        tries_until = time.monotonic() + SHOW_SECONDS
        while True:
            shown = json.loads(self.done(*arguments, "--json"))
            if not _is_behind(shown) or time.monotonic() > tries_until:
                return shown

    def refused(self, *arguments: str) -> str:
        """The one sentence of a command that must be refused, with nothing on stdout."""
        result = self.run(*arguments)
        assert (result.exit_code, result.out) == (4, ""), result
        assert result.err.count("\n") == 1, result.err
        return result.err.strip()

    def brand(self, *options: str) -> str:
        """The id of a new brand."""
        brand_id = f"brand-{next(_numbers)}"
        defaults = ["--time-zone", "UTC", "--currency", "USD"]
        self.done("brand", "add", brand_id, *defaults, *options)
        return brand_id

    def campaign(self, brand_id: str, *options: str) -> str:
        """The id of a new campaign."""
        campaign_id = f"{brand_id}.campaign-{next(_numbers)}"
        self.done("campaign", "add", campaign_id, "--brand", brand_id, *options)
        return campaign_id


def _is_behind(shown: Any) -> bool:
    return isinstance(shown, dict) and shown.get("up_to_date") is False


def run_kafka_tool(*arguments: str) -> str:
    """What `spendgate kafka` prints, in the environment of the test. It is a fork, whose place Java takes: to start
    Python for it costs a second of CPU."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        exit_code = Fork(["kafka", *arguments], dict(os.environ), Path.cwd(), out, err).wait(TOOL_SECONDS)
        printed, said = (_text_of(it) for it in (out, err))
    assert exit_code == 0, said
    return printed


def _text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@cache
def _application() -> TyperGroup:
    """Typer would make all commands of their functions anew for each command line, which takes 16 ms."""
    made = get_command(application())
    assert isinstance(made, TyperGroup)
    return made


def start(*arguments: str, stdout: int | IO[bytes] = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    """The real executable, in this test's environment, as a terminal starts it: Ctrl-C reaches it also where the tests
    run in a script's background, which ignores SIGINT and has its processes ignore it."""
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [EXECUTABLE, *arguments], stdout=stdout, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
    finally:
        signal.signal(signal.SIGINT, inherited)
