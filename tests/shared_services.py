"""One Kafka, one PostgreSQL and one process that forks for a whole test run, however many processes share its tests.

Under pytest-xdist the controlling process starts them, once a collected test wants one, and stops them after the last
test. Tests that need none run while they start; the others wait for their ports. In a run of one process they are that
process's own.
"""

import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import psutil
import pytest

from local.jars import kafka_jars
from local.kafka import LocalKafka
from local.postgres import LocalPostgres
from tests.cheap_services import record_archive, temporary_root
from tests.forks import ForkingProcess, use_forking_process

__all__ = ["SharedServices", "note_users", "service", "use_shared_services"]

Service = TypeVar("Service", LocalKafka, LocalPostgres)

START_SECONDS: Final = 180
FOLDER: Final = "services_folder"  # what the controlling process tells the others
FORKS: Final = "forks"  # in the folder
SERVICES: Final = {"kafka": LocalKafka, "postgres": LocalPostgres}
#: Fixtures whose users the controlling process knows.
NOTED: Final = (*SERVICES, "surroundings")


class SharedServices:
    """The plugin of the controlling process."""

    def __init__(self) -> None:
        root = temporary_root()
        _remove_abandoned(root or Path(tempfile.gettempdir()))
        self._folder = tempfile.TemporaryDirectory(prefix=f"services-{os.getpid()}-", dir=root)
        self._pool = ThreadPoolExecutor(len(SERVICES))
        self._starting: dict[str, Future[LocalKafka | LocalPostgres]] = {}
        self._forks: ForkingProcess | None = None

    @property
    def folder(self) -> Path:
        """The run's own, which is removed at its end or, where it was killed, by the next one."""
        return Path(self._folder.name)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: "WorkerController") -> None:  # type: ignore[name-defined]  # noqa: F821
        node.workerinput[FOLDER] = self._folder.name

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        users = self.users()
        if self._forks is None and any(users.values()):
            self._forks = ForkingProcess(Path(self._folder.name) / FORKS)
        for name in SERVICES:
            if users[name] and name not in self._starting:
                if name == "kafka":
                    kafka_jars(lock_file=LocalKafka.lock_file)  # no test waits for a download
                self._starting[name] = self._pool.submit(self._start, name)

    def users(self) -> dict[str, Set[str]]:
        """The collected tests that use each of the noted fixtures."""
        noted = json.loads((Path(self._folder.name) / "users.json").read_text())
        return {name: frozenset(noted[name]) for name in NOTED}

    def pytest_unconfigure(self) -> None:
        self._pool.shutdown()
        for starting in self._starting.values():
            if not starting.exception():  # else its tests have told
                starting.result().stop()
        if self._forks:
            self._forks.end()
        self._folder.cleanup()

    def _start(self, name: str) -> LocalKafka | LocalPostgres:
        folder = Path(self._folder.name)
        running = SERVICES[name](folder / name)
        try:
            if name == "kafka":
                record_archive(folder / "recorded")
            running.start()
        except BaseException as error:
            (folder / f"{name}.failed").write_text(str(error))
            raise
        unfinished = folder / f"{name}.new"
        unfinished.write_text(json.dumps(running.port))
        unfinished.rename(folder / f"{name}.port")
        return running


def _remove_abandoned(root: Path) -> None:
    """The folders of runs that were killed, which may take memory."""
    for folder in root.glob("services-*-*"):
        process = folder.name.split("-")[1]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def use_shared_services(config: pytest.Config) -> None:
    """In a process that runs tests for a controlling one."""
    folder = _folder_of(config)
    if folder is not None:
        use_forking_process(folder / FORKS)


def note_users(config: pytest.Config, fixtures: Sequence[tuple[str, Set[str]]]) -> None:
    """Tell the controlling process, if there is one, which tests use its services, by test and its fixtures' names."""
    folder = _folder_of(config)
    if folder is not None:
        users = {name: [nodeid for nodeid, names in fixtures if name in names] for name in NOTED}
        unfinished = folder / f"users-{uuid.uuid4()}.json"
        unfinished.write_text(json.dumps(users))
        unfinished.rename(folder / "users.json")


@contextmanager
def service(kind: type[Service], config: pytest.Config, own: Path) -> Iterator[Service]:
    """A running service: the shared one where there is one, else one in the folder `own`."""
    shared = _folder_of(config)
    if shared is not None:
        yield _shared(kind, shared)
        return
    running = kind(own)
    running.start()
    yield running
    running.stop()


def _shared(kind: type[Service], folder: Path) -> Service:
    name = next(it for it, service_kind in SERVICES.items() if service_kind is kind)
    port, failed = folder / f"{name}.port", folder / f"{name}.failed"
    deadline = time.monotonic() + START_SECONDS
    while not port.exists():
        assert not failed.exists(), failed.read_text()
        assert time.monotonic() < deadline, f"{name} did not start within {START_SECONDS} s"
        time.sleep(0.05)
    return kind(folder / name, json.loads(port.read_text()))


def _folder_of(config: pytest.Config) -> Path | None:
    workerinput: dict[str, str] | None = getattr(config, "workerinput", None)
    return None if workerinput is None else Path(workerinput[FOLDER])
