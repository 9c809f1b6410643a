"""`spendgate up` as a user runs it: a process of its own on a folder of its own, any free ports."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import psycopg2
import pytest

from local.java import QUICK_START
from local.readiness import serves

UP = [sys.executable, "-m", "cli", "up"]
#: What a script's `&` does to a command: an interrupt must stop it all the same.
IN_BACKGROUND = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]
ANY_PORTS = ["--kafka-port", "0", "--postgres-port", "0", "--http-port", "0"]
#: More than `up` itself gives its services, so that a start that fails says why.
READY_SECONDS = 240
GONE_SECONDS = 40


class Up:
    """One run, with what it says as it comes."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*IN_BACKGROUND, *UP, "--data-dir", str(folder), *ANY_PORTS, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # What use_cheap_services does to the brokers of the tests' own process.
            env={**os.environ, "JDK_JAVA_OPTIONS": QUICK_START},
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))

    def until_ready(self) -> "Up":
        until(lambda: "ready" in self.lines, READY_SECONDS, self)
        return self

    def run_file(self) -> dict[str, str]:
        return dict(json.loads((self.folder / "run.json").read_text()))

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, name: str) -> psutil.Process:
        """Waits for it: one that has died is away until it is started again."""
        until(lambda: self._children(name) != [], READY_SECONDS, self)
        (found,) = self._children(name)
        return found

    def runs(self, program: str) -> bool:
        for one in self.family():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if one.name() == program:
                    return True
        return False

    def _children(self, name: str) -> list[psutil.Process]:
        found = []
        for one in self.family():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if one.cmdline()[-1:] == [name]:
                    found.append(one)
        return found

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(GONE_SECONDS) == 0, self.lines

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def until(condition: Callable[[], bool], seconds: float, up: Up) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, up.lines
        time.sleep(0.05)


def open_to_others(folder: Path) -> list[Path]:
    """Files that another user of the machine can reach and read."""
    found: list[Path] = []
    for one in folder.iterdir():
        mode = one.stat().st_mode
        if one.is_dir():
            found += open_to_others(one) if mode & 0o011 else []
        elif mode & 0o044:
            found.append(one)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests of the file: each goes on where the one before ended."""
    return tmp_path_factory.mktemp("up")


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def run(*options: str) -> Up:
        started.append(Up(folder, *options))
        return started[-1]

    yield run
    for up in started:
        up.end()


def test_all_of_it_serves_a_dead_child_is_healed_and_ctrl_c_leaves_nothing(start: Callable[..., Up]) -> None:
    up = start().until_ready()
    run = up.run_file()
    host, port = run["brokers"].split(":")
    assert serves(host, int(port))
    assert any("this Kafka is open to every user of this machine" in line for line in up.lines)
    psycopg2.connect(run["database_url"]).close()
    assert (up.folder / "run.json").stat().st_mode & 0o077 == 0
    assert {one.relative_to(up.folder).parts[0] for one in open_to_others(up.folder)} <= {"owner.lock", "postgres"}
    assert {one.name for one in open_to_others(up.folder / "postgres")} <= {"owner.lock"}
    assert not [one for one in (up.folder / "logs").iterdir() if one.stat().st_mode & 0o077]

    assert f"the console is at {run['http']}" in up.lines
    [observed] = [line for line in up.lines if line.startswith("sign in as admin with the password ")]
    form = {"name": "admin", "password": observed.split()[7]}
    assert httpx.post(f"{run['http']}/sign-in", data=form, timeout=20).status_code == 303

    second = start()
    assert second.process.wait(READY_SECONDS) == 4
    assert "in use" in second.lines[-1]

    victim = up.child("worker")
    victim.kill()
    until(lambda: "worker is ready again" in up.lines, READY_SECONDS, up)
    assert any(line.startswith("worker was killed by signal 9") for line in up.lines)

    family = up.family()
    os.killpg(up.process.pid, signal.SIGINT)
    assert up.process.wait(GONE_SECONDS) == 0
    assert psutil.wait_procs(family, timeout=5)[1] == []
    assert not (up.folder / "run.json").exists()


def test_the_next_up_goes_on_where_it_was_also_after_a_kill(start: Callable[..., Up]) -> None:
    up = start("--services-only").until_ready()
    with psycopg2.connect(up.run_file()["database_url"]) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('here')")
    connection.close()
    family = up.family()
    up.process.kill()
    assert psutil.wait_procs(family, timeout=GONE_SECONDS)[1] == []

    up = start("--services-only").until_ready()
    with psycopg2.connect(up.run_file()["database_url"]) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT word FROM kept")
        assert cursor.fetchall() == [("here",)]
    connection.close()
    check = in_folder(up.folder, "topics", "check")
    assert (check.returncode, check.stderr) == (0, ""), check.stdout
    up.stop()


def in_folder(folder: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """A command that knows nothing but the data folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPENDGATE_")}
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        env={**environment, "SPENDGATE_DATA_DIR": str(folder), **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_signal_during_the_start_stops_it_and_leaves_nothing(start: Callable[..., Up]) -> None:
    up = start()
    until(lambda: "starting Kafka and PostgreSQL" in up.lines, READY_SECONDS, up)
    until(lambda: up.runs("java"), READY_SECONDS, up)
    family = up.family()
    up.stop()
    assert psutil.wait_procs(family, timeout=5)[1] == []
