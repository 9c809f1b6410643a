"""Runs a worker and a ledger for a simulation, on topics and a database of its own."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import psycopg2
from aiokafka.errors import NoError, UnknownTopicOrPartitionError, for_code
from psycopg2 import sql
from psycopg2.extensions import make_dsn

from core.errors import ConfigurationError, RefusedValue
from local.child_process import ChildProcess, child_environment
from local.supervisor import Supervisor
from models.connection import connect
from models.migrations import migrate
from models.session import engine_of
from streams.kafka.failures import translated
from streams.kafka.missing_rights import check_rights
from streams.kafka.provision import admin_client, create_topics
from streams.kafka.rights import Process
from streams.kafka.topics import ALL_TOPICS
from streams.settings import Settings, Timestamps

__all__ = ["delete_topics", "make_topics", "own_database", "running_processes"]

CHECK_SECONDS: Final = 0.1
READY_SECONDS: Final = 90.0


async def make_topics(settings: Settings) -> None:
    """Create the simulation's topics. Raises RefusedValue where one exists: its records would be counted too."""
    made = await create_topics(settings)
    if len(made) < len(ALL_TOPICS):
        raise RefusedValue(
            f"There are topics with the prefix {settings.topic_prefix} already: choose another --seed, or delete them "
            f"with `spendgate kafka kafka-topics --delete --topic '{settings.topic_prefix}.*'`."
        )


async def delete_topics(settings: Settings) -> None:
    """Raises NotAllowed where the broker does not let us; those that are gone already are left out."""
    async with admin_client(settings) as admin:
        answer = await admin.delete_topics([settings.topic(topic) for topic in ALL_TOPICS])
    for name, code in answer.topic_error_codes:
        error = for_code(code)
        if error not in (NoError, UnknownTopicOrPartitionError):
            raise translated(error(name), settings, "Delete")


@contextmanager
def own_database(settings: Settings, *, keep: bool = False) -> Iterator[Settings]:
    """A new database on the same server, because simulated rows must not stay in the ledger."""
    name = f"spendgate_simulation_{secrets.token_hex(4)}"
    _execute(settings.database, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = make_dsn(settings.database, dbname=name)
    try:
        migrate.upgrade(url)
        yield settings.replace(database_url=url)
    finally:
        engine_of(url).dispose()
        if not keep:
            _execute(settings.database, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@asynccontextmanager
async def running_processes(
    settings: Settings, folder: Path, names: Sequence[str], say: Callable[[str], None]
) -> AsyncIterator[list[ChildProcess]]:
    """Run the processes `names`, such as `worker`, and start again what dies. Returns when all are ready. Raises
    NotAllowed where one would end at its start, and again and again, for want of a right."""
    for name in dict.fromkeys(names):
        await check_rights(settings, Process(name))
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    environment = _environment(settings)
    supervisor = Supervisor(say)
    children = []
    supervising = None
    try:
        for number, name in enumerate(names):
            data_dir = folder / str(number)
            (data_dir / "logs").mkdir(parents=True)
            own = {**environment, "SPENDGATE_DATA_DIR": str(data_dir)}
            children.append(ChildProcess(name, data_dir, own, port_setting="SPENDGATE_METRICS_PORT", port=0))
            supervisor.start(children[-1])
        supervising = asyncio.create_task(_supervise(supervisor))
        await _until_ready(supervisor)
        yield children
    finally:
        if supervising:
            supervising.cancel()
            with suppress(asyncio.CancelledError):
                await supervising
        await asyncio.to_thread(supervisor.stop)


async def _supervise(supervisor: Supervisor) -> None:
    while True:
        await asyncio.to_thread(supervisor.check)
        await asyncio.sleep(CHECK_SECONDS)


async def _until_ready(supervisor: Supervisor) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            while not supervisor.all_ready():
                await asyncio.sleep(CHECK_SECONDS)
    except TimeoutError as error:
        raise ConfigurationError(
            f"The simulation's own processes were not ready within {READY_SECONDS:g} s: see `spendgate doctor`."
        ) from error


def _environment(settings: Settings) -> dict[str, str]:
    """The environment of the processes: the simulation's settings, and the broker, which may be that of a running
    `up`."""
    return {
        **child_environment(settings),
        "SPENDGATE_DATABASE_URL": settings.database,
        "SPENDGATE_TOPIC_PREFIX": settings.topic_prefix,
        "SPENDGATE_PARTITIONS": str(settings.partitions),
        "SPENDGATE_TIMESTAMPS": Timestamps.CREATE,
    }


def _execute(url: str, statement: sql.Composed) -> None:
    with closing(connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            try:
                cursor.execute(statement)
            except psycopg2.errors.InsufficientPrivilege as error:
                raise RefusedValue(
                    "The database's user may not create databases, which a simulation's own ledger needs: "
                    "grant it CREATEDB, or run without --run."
                ) from error
