"""PostgreSQL keeps its rows over every kind of stop, for root and for everybody else."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

from local.child import with_death_signal
from local.postgres import LocalPostgres, programs
from local.service_errors import DataFolderInUse, PortBusy, ServiceDidNotStart


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalPostgres]:
    service = LocalPostgres(tmp_path / "dätá, 1")
    yield service
    service.kill()


def test_rows_outlive_a_stop_and_a_kill(server: LocalPostgres) -> None:
    server.start()
    query(server.url, "CREATE TABLE kept (word text)")
    query(server.url, "INSERT INTO kept VALUES ('before the stop')")
    server.stop()

    server.start()
    query(server.url, "INSERT INTO kept VALUES ('before the kill')")
    server.kill()

    server.start()
    assert query(server.url, "SELECT word FROM kept") == [
        ("before the stop",),
        ("before the kill",),
    ]


def test_a_stop_does_not_wait_for_open_connections(server: LocalPostgres) -> None:
    server.start()
    assert server.process is not None
    process = server.process
    connection = psycopg2.connect(server.url)

    server.stop()

    assert process.returncode == 0
    connection.close()


def test_a_taken_port_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortBusy, match=f"^Port {port} for PostgreSQL is taken by another program"):
            LocalPostgres(tmp_path, port).start()


def test_a_folder_has_one_server_at_a_time(server: LocalPostgres) -> None:
    server.start()

    with pytest.raises(DataFolderInUse):
        LocalPostgres(server.folder.parent).start()

    assert query(server.url, "SELECT 1") == [(1,)]


def test_a_frozen_server_of_a_former_run_is_ended_before_a_new_one_starts(server: LocalPostgres) -> None:
    server.start()
    assert server.process is not None
    leftover = server.process
    leftover.send_signal(signal.SIGSTOP)
    server._ownership.release()  # as the death of its owner does

    successor = LocalPostgres(server.folder.parent)
    successor.start()
    try:
        assert leftover.wait(5) is not None
        assert query(successor.url, "SELECT 1") == [(1,)]
    finally:
        successor.stop()


def test_a_first_start_that_was_killed_midway_is_begun_anew(server: LocalPostgres) -> None:
    unfinished = server.folder / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18")

    server.start()

    assert query(server.url, "SELECT 1") == [(1,)]


def test_data_of_another_version_is_refused_with_the_servers_own_words(server: LocalPostgres) -> None:
    server.start()
    server.stop()
    (server.data / "PG_VERSION").write_text("9.6\n")

    with pytest.raises(ServiceDidNotStart, match=r"version 9\.6, which is not compatible with this version 18"):
        server.start()


def test_a_password_is_needed(server: LocalPostgres) -> None:
    server.start()

    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(server.url.replace(server._password(), "guessed"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_it_runs_for_a_normal_user_as_that_user(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    program = (
        "import sys, pathlib, psutil; from local.postgres import LocalPostgres\n"
        "server = LocalPostgres(pathlib.Path(sys.argv[1])); server.start()\n"
        "print(psutil.Process(server.process.pid).uids().real); server.stop()"
    )
    command = with_death_signal(
        [sys.executable, "-c", program, str(home)], signal.SIGKILL, user=65534, keep_access=True
    )

    result = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])

    assert result.stdout.split() == ["65534"]
    assert psutil.Process().uids().real == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root puts a project where nobody else may go")
def test_it_runs_for_root_from_a_folder_that_is_closed_to_others(
    server: LocalPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = programs().parents[1]
    installed = Path(package.name, programs().parent.name)
    for part in (installed, Path(f"{package.name}.libs")):
        shutil.copytree(package.parent / part, closed / part)
    monkeypatch.setattr("local.postgres.programs", lambda: closed / installed / "bin")

    server.start()

    assert query(server.url, "SELECT 1") == [(1,)]


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
