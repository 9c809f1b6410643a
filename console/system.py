"""All of Spendgate on one machine, below one data folder: what `up` starts, in which order, and where it tells so."""

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

from console.access.people import FirstAdmin, add_first_admin
from console.child_process import ChildProcess, stop_leftover_children, usual_or_any
from console.cli.environment import RUN_FILE, load_settings
from console.embedded import Embedded
from console.local.jars import kafka_jars
from console.local.kafka import LocalKafka
from console.local.ownership import Ownership
from console.local.ports import HOST
from console.local.postgres import LocalPostgres
from console.progress import download_progress
from console.supervisor import Supervisor
from models import migrate
from streams.provision import create_topics
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
    """What runs, and the settings by which a program of ours finds it."""

    supervisor: Supervisor
    settings: Settings
    #: The address of the console; None where only services run.
    http: str | None = None
    #: Made by this very start, and told by nobody again.
    first_admin: FirstAdmin | None = None


@dataclass(frozen=True, slots=True)
class _Program:
    name: str
    module: str
    port_setting: str
    port: int


#: One broker, without passwords of Kafka's.
EMBEDDED_SETTINGS: Final[dict[str, Any]] = {"replication_factor": 1, "kafka_security_protocol": "PLAINTEXT"}

#: What is a part of this installation is started.
PROGRAMS: Final = (
    _Program("worker", "streams.worker", "SPENDGATE_METRICS_PORT", 9100),
    _Program("scheduler", "schedulers.__main__", "SPENDGATE_METRICS_PORT", 9101),
    _Program("ledger", "streams.ledger", "SPENDGATE_METRICS_PORT", 9102),
    _Program("api", "console.api", "SPENDGATE_HTTP_PORT", 8000),
)


@contextmanager
def running_system(data_dir: Path, ports: Ports, *, services_only: bool, say: Say) -> Iterator[System]:
    """Started, though not yet ready, until the block ends; then nothing of it is left."""
    folder = data_dir.resolve()
    with ExitStack() as stack:
        ownership = Ownership(folder)
        stack.callback(ownership.release)
        ownership.take()
        run_file = folder / RUN_FILE
        run_file.unlink(missing_ok=True)
        stop_leftover_children(folder)
        supervisor = Supervisor(say)
        stack.callback(supervisor.stop)
        settings = _start_services(folder, ports, supervisor, say)
        stack.callback(run_file.unlink, missing_ok=True)
        http, first_admin = None, None
        if not services_only:
            http = _start_programs(folder, ports, supervisor, settings)
            first_admin = add_first_admin(settings.database, actor="cli:up")
        _tell(run_file, settings, http)
        yield System(supervisor, settings, http, first_admin)


def _start_services(folder: Path, ports: Ports, supervisor: Supervisor, say: Say) -> Settings:
    """Kafka and PostgreSQL, side by side because both take seconds: returns the settings of all that use them."""
    with download_progress() as progress:
        kafka_jars(progress)
    kafka = Embedded("Kafka", lambda port: LocalKafka(folder, port), _port(ports.kafka, 9092))
    postgres = Embedded("PostgreSQL", lambda port: LocalPostgres(folder, port), _port(ports.postgres, 5432))
    say("starting Kafka and PostgreSQL")
    with ThreadPoolExecutor(1) as beside:
        kafka_started = beside.submit(supervisor.start, kafka)
        supervisor.start(postgres)
        migrate.upgrade(postgres.server.url)
        kafka_started.result()
    settings = load_settings(
        brokers=kafka.server.brokers, database_url=postgres.server.url, data_dir=folder, **EMBEDDED_SETTINGS
    )
    say(f"Kafka is at {settings.brokers}, PostgreSQL at {HOST}:{postgres.server.port}")
    asyncio.run(create_topics(settings))
    return settings


def _start_programs(folder: Path, ports: Ports, supervisor: Supervisor, settings: Settings) -> str | None:
    """Returns the address of the console where there is one."""
    environment = {
        **os.environ,
        "SPENDGATE_BROKERS": settings.brokers,
        "SPENDGATE_DATABASE_URL": settings.database,
        "SPENDGATE_DATA_DIR": str(folder),
        **{f"SPENDGATE_{name.upper()}": str(value) for name, value in EMBEDDED_SETTINGS.items()},
    }
    http = None
    for program in PROGRAMS:
        if not _installed(program.module):
            continue
        usual = 0 if ports.kafka == 0 else program.port
        if program.port_setting == "SPENDGATE_HTTP_PORT":
            usual = _port(ports.http, program.port) or usual_or_any(0)
        child = ChildProcess(program.name, folder, environment, port_setting=program.port_setting, port=usual)
        supervisor.start(child)
        if program.port_setting == "SPENDGATE_HTTP_PORT":
            http = f"http://{HOST}:{child.port}"
    return http


def _tell(run_file: Path, settings: Settings, http: str | None) -> None:
    """Whole or not at all, and for our own eyes, because the database's address holds its password."""
    run = {
        "brokers": settings.brokers,
        "database_url": settings.database,
        "http": http,
        "pid": os.getpid(),
    }
    unfinished = run_file.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(run_file)


def _port(wanted: int | None, usual: int) -> int:
    return usual_or_any(usual) if wanted is None else wanted


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
