"""What makes a service of a test cost less, where nothing that a test is about depends on it.

A run starts some twenty brokers, makes hundreds of databases and signs in hundreds of people. On two cores their CPU
seconds are most of what a run takes.
"""

import base64
import os
import shutil
import ssl
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final

import httpx
import psutil
import psycopg2
import pytest
from argon2 import PasswordHasher
from httpx._types import CertTypes
from psycopg2.extensions import cursor as Cursor

import local.kafka
import local.postgres
from local.cache import cache_folder
from local.class_archive import archive_options, key_of
from local.jars import kafka_jars
from local.java import QUICK_START
from local.kafka import LocalKafka
from local.postgres import LocalPostgres
from models.migrations import migrate
from models.session import engine_of
from operations.accounts import passwords

__all__ = [
    "COSTLY",
    "create_database",
    "drop_database",
    "record_archive",
    "temporary_root",
    "use_cheap_services",
    "use_hashes",
]

#: Of passwords: argon2id as ever, with less memory and one round.
COSTLY: Final = passwords._hasher  # what people get
CHEAP: Final = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
#: One number for all processes of a run that may make the template.
_LOCK: Final = 5_817_204_301
_TEMPLATE: Final = "migrated"
_PATIENCE_SECONDS: Final = 60
#: A file system in memory. It may have 64 MiB in a container, or be as large as the memory of the whole machine.
_MEMORY: Final = Path("/dev/shm")  # noqa: S108
#: What must be free of it, and of the memory that this process and its children may have.
_MEMORY_BYTES: Final = 8 << 30
_MEMORY_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")

_format = LocalKafka._format  # what people get
_create_ssl_context = httpx.create_ssl_context


@cache
def use_cheap_services() -> None:
    """Brokers and databases that this process starts, and its HTTP clients, from now on. SPENDGATE_TEST_KAFKA is the
    version of the brokers, of those that have a lock in `tests/kafka`. A broker gains nothing in
    minutes from Java's second compiler. The data of tests outlives processes, which are killed, and never the machine:
    what is committed has to be with the operating system, and not on the disk. Without a shared context each
    `httpx.get` would read all certificate authorities from a file."""
    if version := os.environ.get("SPENDGATE_TEST_KAFKA"):
        LocalKafka.lock_file = Path(__file__).parent / "kafka" / f"{version}.lock"
    # A partition takes 25 KiB of the heap: of 512 MiB those of a run would leave little, and Java collect all the time.
    local.kafka.BROKER_OPTIONS = (*local.kafka.BROKER_OPTIONS, QUICK_START, "-Xmx1g")
    # Each of these goes through all partitions, of which a run has some 20,000 at its end.
    local.kafka.SETTINGS += "log.cleaner.backoff.ms=30000\nreplica.high.watermark.checkpoint.interval.ms=30000\n"
    LocalKafka._format = _format_by_copy  # type: ignore[method-assign]
    local.postgres.SETTINGS.update(
        fsync="off",
        full_page_writes="off",
        max_wal_size="512MB",
        # An installation keeps twenty open, and a process of tests one for each of its last engines.
        max_connections="300",
        # Of a server that is killed nothing stays in memory but its folder.
        dynamic_shared_memory_type="mmap",
    )
    httpx._transports.default.create_ssl_context = _ssl_context


def temporary_root() -> Path | None:
    """Where folders of tests and services go, if not where the system has them: a broker makes a folder and five files
    for each partition, a database has 300 files, and what is on a disk costs two to four times as much CPU."""
    try:
        found = os.statvfs(_MEMORY)
    except OSError:
        return None
    runs_programs = not found.f_flag & os.ST_NOEXEC
    free = min(found.f_bavail * found.f_frsize, psutil.virtual_memory().available, _memory_limit())
    return _MEMORY if runs_programs and free >= _MEMORY_BYTES else None


def _memory_limit() -> int:
    """Bytes that a container may have, of which files in memory take theirs."""
    with suppress(OSError, ValueError):  # "max"
        return int(_MEMORY_LIMIT.read_text())
    return sys.maxsize


@contextmanager
def use_hashes(hasher: PasswordHasher = CHEAP) -> Iterator[None]:
    """Passwords are hashed by it until the end of the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", hasher)
        passwords._hash_of_no_user.cache_clear()
        yield
    passwords._hash_of_no_user.cache_clear()


def _ssl_context(
    verify: ssl.SSLContext | str | bool = True, cert: CertTypes | None = None, trust_env: bool = True
) -> ssl.SSLContext:
    if verify is True and cert is None and trust_env:
        return _usual_ssl_context()
    return _create_ssl_context(verify, cert, trust_env)


@cache
def _usual_ssl_context() -> ssl.SSLContext:
    return _create_ssl_context()


def _format_by_copy(broker: LocalKafka, jars: list[Path]) -> None:
    """A plain broker's folder is a copy of one that Kafka's tool, whose Java costs half of what a start does, has
    formatted for the first who asked; but for its ids, there is nothing in it that another broker's would not have."""
    if type(broker) is not LocalKafka or broker.security:
        return _format(broker, jars)
    formatted = cache_folder() / "tests" / f"formatted-{key_of(jars)}"
    log = broker.folder / "log"
    if not formatted.exists():
        _format(broker, jars)
        formatted.parent.mkdir(exist_ok=True)
        copied = Path(tempfile.mkdtemp(dir=formatted.parent))
        shutil.copytree(log, copied, dirs_exist_ok=True)
        with suppress(OSError):  # another process was quicker
            copied.rename(formatted)
        return None
    shutil.copytree(formatted, log, dirs_exist_ok=True)
    directory = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    ids = f"version=1\nnode.id=1\ncluster.id={broker.cluster_id}\ndirectory.id={directory}\n"
    (log / "meta.properties").write_text(ids)
    return None


def record_archive(folder: Path) -> None:
    """The archive of Kafka's classes, where this machine has none of these jars yet. The brokers of a run start before
    one of them has ended and left it: each would take 4 CPU seconds until it serves and not 2, and record its own."""
    if not archive_options(kafka_jars(lock_file=LocalKafka.lock_file)):
        broker = LocalKafka(folder)
        broker.start()
        broker.stop()


def create_database(postgres: LocalPostgres, name: str, *, migrated: bool = False, template: str | None = None) -> None:
    """An empty one, one with today's tables, or a copy of a database to which nobody is connected. A copy costs a tenth
    of what the migrations do. By files it costs half of what it does by the log."""
    with _cursor(postgres) as cursor:
        copied = _template(postgres, cursor) if migrated else template
        of_it = f" TEMPLATE {copied}" if copied else ""
        cursor.execute(f"CREATE DATABASE {name}{of_it} STRATEGY FILE_COPY")


def drop_database(postgres: LocalPostgres, name: str) -> None:
    """Whoever is still connected loses it."""
    with _cursor(postgres) as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _cursor(postgres: LocalPostgres) -> Iterator[Cursor]:
    with closing(psycopg2.connect(postgres.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def _template(postgres: LocalPostgres, cursor: Cursor) -> str:
    """The name of the database that is copied, which the first who asks for one makes."""
    cursor.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    try:
        cursor.execute("SELECT FROM pg_database WHERE datname = %s AND NOT datallowconn", (_TEMPLATE,))
        if not cursor.rowcount:
            _make_template(postgres, cursor)
    finally:
        cursor.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    return _TEMPLATE


def _make_template(postgres: LocalPostgres, cursor: Cursor) -> None:
    cursor.execute(f"DROP DATABASE IF EXISTS {_TEMPLATE} WITH (FORCE)")
    cursor.execute(f"CREATE DATABASE {_TEMPLATE}")
    migrate.upgrade(postgres.url_of(_TEMPLATE))
    engine_of(postgres.url_of(_TEMPLATE)).dispose()
    # A database to which somebody is connected, be it a process that vacuums, cannot be copied.
    cursor.execute(f"ALTER DATABASE {_TEMPLATE} ALLOW_CONNECTIONS false")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while _connections(cursor):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _connections(cursor: Cursor) -> int:
    cursor.execute("SELECT FROM pg_stat_activity WHERE datname = %s", (_TEMPLATE,))
    return cursor.rowcount
