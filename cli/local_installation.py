"""All of Spendgate on one machine, below one data folder: what `up` starts, in which order, and its run file."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from cli.environment import PLAINTEXT_CONNECTION, RUN_FILE, load_settings
from cli.progress import download_progress
from local.child_process import ChildProcess, child_environment, preferred_or_free_port, stop_orphaned_children
from local.embedded import Embedded
from local.jars import kafka_jars
from local.kafka import LocalKafka
from local.kafka_security import write_private_file
from local.ownership import Ownership
from local.ports import HOST
from local.postgres import LocalPostgres
from local.principals import DEMO, OPERATOR, Principals
from local.supervisor import LONGEST_PAUSE_SECONDS, Supervisor
from models.migrations import migrate
from operations.accounts.accounts import FirstAdmin, add_first_admin
from streams.kafka.provision import create_topics
from streams.settings import Settings

__all__ = ["Ports", "System", "running_system"]

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ports:
    """None: the usual port when it is free, else any free one. 0: any free one."""

    kafka: int | None = None
    postgres: int | None = None
    http: int | None = None


@dataclass(frozen=True, slots=True)
class System:
    """The running installation, and the settings with which the demo connects to it."""

    supervisor: Supervisor
    demo: Settings
    #: The address of the console; None where only services run.
    http: str | None = None
    #: Created by this start; its password is shown once.
    first_admin: FirstAdmin | None = None


@dataclass(frozen=True, slots=True)
class _Services:
    """Kafka and PostgreSQL, with the settings of whoever may do everything."""

    owner: Settings
    #: Of a secured installation.
    principals: Principals | None

    def settings_of(self, name: str) -> Settings:
        """The settings with which this process or person connects."""
        return self.owner if self.principals is None else self.principals.settings_of(name, self.owner)


@dataclass(frozen=True, slots=True)
class _Program:
    name: str
    module: str
    port_setting: str
    port: int
    longest_pause_seconds: float = LONGEST_PAUSE_SECONDS


#: There is one broker, so no setting of the environment may ask for more replicas.
EMBEDDED_SETTINGS: Final[dict[str, Any]] = {"replication_factor": 1}

#: Started in this order; a program that is not installed is left out.
PROGRAMS: Final = (
    _Program(
        "worker", "streams.worker.run", "SPENDGATE_METRICS_PORT", 9100, longest_pause_seconds=3.0
    ),  # nobody decides meanwhile
    _Program("scheduler", "schedulers.__main__", "SPENDGATE_METRICS_PORT", 9101),
    _Program("ledger", "ledger", "SPENDGATE_METRICS_PORT", 9102),
    _Program("notifier", "notifier.run", "SPENDGATE_METRICS_PORT", 9103),
    _Program("api", "console.run", "SPENDGATE_HTTP_PORT", 8000),
)


@contextmanager
def running_system(data_dir: Path, ports: Ports, *, services_only: bool, secured: bool, say: Say) -> Iterator[System]:
    """Start everything, and stop it when the block ends. The programs may not be ready yet when the block begins; ask
    `System.supervisor`. Raises LocalServiceError where a service does not start or the data folder is in use."""
    folder = data_dir.resolve()
    with ExitStack() as stack:
        ownership = Ownership(folder)
        stack.callback(ownership.release)
        ownership.take()
        run_file = folder / RUN_FILE
        run_file.unlink(missing_ok=True)
        stop_orphaned_children(folder)
        supervisor = Supervisor(say)
        stack.callback(supervisor.stop)
        services = _start_services(folder, ports, supervisor, say, secured=secured)
        stack.callback(run_file.unlink, missing_ok=True)
        http, first_admin = None, None
        if not services_only:
            http = _start_programs(folder, ports, supervisor, services)
            first_admin = add_first_admin(services.owner.database, actor="cli:up")
        _write_run_file(run_file, services.settings_of(OPERATOR), http)
        yield System(supervisor, services.settings_of(DEMO), http, first_admin)


def _start_services(folder: Path, ports: Ports, supervisor: Supervisor, say: Say, *, secured: bool) -> _Services:
    """Start Kafka and PostgreSQL at the same time, because each takes seconds."""
    with download_progress() as progress:
        kafka_jars(progress)
    kafka = Embedded(
        "Kafka", lambda port: LocalKafka(folder, port, secured=secured, authorizer=True), _port(ports.kafka, 9092)
    )
    postgres = Embedded("PostgreSQL", lambda port: LocalPostgres(folder, port), _port(ports.postgres, 5432))
    principals = Principals(folder) if kafka.server.security else None
    say("starting Kafka and PostgreSQL")
    with ThreadPoolExecutor(1) as executor:
        kafka_started = executor.submit(supervisor.start, kafka)
        supervisor.start(postgres)
        if kafka_started.done():  # a folder that was open cannot be secured: nobody gets a role in it
            kafka_started.result()
        (principals.migrate if principals else migrate.upgrade)(postgres.server.url)
        kafka_started.result()
    owner = load_settings(
        **{**PLAINTEXT_CONNECTION, **kafka.server.client_settings},
        database_url=postgres.server.url,
        data_dir=folder,
        **EMBEDDED_SETTINGS,
    )
    say(f"Kafka is at {owner.brokers}, PostgreSQL at {HOST}:{postgres.server.port}")
    for line in _access_notice(folder, principals):
        say(line)
    asyncio.run(create_topics(owner))
    if principals:
        principals.admit(owner)
    return _Services(owner, principals)


def _access_notice(folder: Path, principals: Principals | None) -> Iterator[str]:
    if principals:
        yield f"Kafka and PostgreSQL ask for passwords, which lie in {folder} for you alone"
        yield f"commands in this folder enter as the {OPERATOR}; a shell enters as one of these by what stands last"
        yield from principals.described()
        return
    yield (
        "this Kafka is open to every user of this machine; `spendgate up --secured` on a new folder asks for a password"
        " (PostgreSQL does so here too)"
    )


def _start_programs(folder: Path, ports: Ports, supervisor: Supervisor, services: _Services) -> str | None:
    """Start the programs. Returns the URL of the console, None where it is not installed."""
    http = None
    for program in PROGRAMS:
        if not _installed(program.module):
            continue
        usual = 0 if ports.kafka == 0 else program.port
        if program.port_setting == "SPENDGATE_HTTP_PORT":
            usual = _port(ports.http, program.port) or preferred_or_free_port(0)
        environment = _environment(folder, services.settings_of(program.name))
        child = ChildProcess(program.name, folder, environment, port_setting=program.port_setting, port=usual)
        supervisor.start(child, longest_pause_seconds=program.longest_pause_seconds)
        if program.port_setting == "SPENDGATE_HTTP_PORT":
            http = f"http://{HOST}:{child.port}"
    return http


def _environment(folder: Path, settings: Settings) -> dict[str, str]:
    return {
        **child_environment(settings),
        "SPENDGATE_DATABASE_URL": settings.database,
        "SPENDGATE_DATA_DIR": str(folder),
        **{f"SPENDGATE_{name.upper()}": str(value) for name, value in EMBEDDED_SETTINGS.items()},
    }


def _write_run_file(run_file: Path, settings: Settings, http: str | None) -> None:
    """Write the file in one step, readable by its owner alone, because the database URL holds a password."""
    run = {
        "brokers": settings.brokers,
        **_connection_settings(settings),
        "database_url": settings.database,
        "http": http,
        "pid": os.getpid(),
    }
    write_private_file(run_file, json.dumps(run, indent=1) + "\n")


def _connection_settings(settings: Settings) -> dict[str, str]:
    """The Kafka settings without the password, which stays in a file of its own."""
    values = {name: getattr(settings, name) for name in PLAINTEXT_CONNECTION if not name.endswith("_password")}
    return {name: str(value) for name, value in values.items() if value is not None}


def _port(wanted: int | None, usual: int) -> int:
    return preferred_or_free_port(usual) if wanted is None else wanted


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
