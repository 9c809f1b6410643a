"""One Kafka and one PostgreSQL for a whole test run, however many processes share its tests.

Under pytest-xdist the controlling process starts them, once a collected test wants one, and stops them after the last
test; the processes that run tests wait for their ports. In a run of one process they are that process's own.
"""

import json
import tempfile
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import pytest

from local.kafka import LocalKafka
from local.postgres import LocalPostgres

__all__ = ["SharedServices", "note_wanted", "service"]

Service = TypeVar("Service", LocalKafka, LocalPostgres)

START_SECONDS: Final = 180
FOLDER: Final = "services_folder"  # what the controlling process tells the others
SERVICES: Final = {"kafka": LocalKafka, "postgres": LocalPostgres}


class SharedServices:
    """The plugin of the controlling process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="services-")
        self._running: dict[str, LocalKafka | LocalPostgres] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: "WorkerController") -> None:  # type: ignore[name-defined]  # noqa: F821
        node.workerinput[FOLDER] = self._folder.name

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        folder = Path(self._folder.name)
        missing = [name for name in SERVICES if (folder / f"{name}.wanted").exists() and name not in self._running]
        with ThreadPoolExecutor() as pool:
            for name, started in zip(missing, pool.map(self._start, missing), strict=True):
                self._running[name] = started

    def pytest_unconfigure(self) -> None:
        for running in self._running.values():
            running.stop()
        self._folder.cleanup()

    def _start(self, name: str) -> LocalKafka | LocalPostgres:
        folder = Path(self._folder.name)
        running = SERVICES[name](folder / name)
        running.start()
        unfinished = folder / f"{name}.new"
        unfinished.write_text(json.dumps(running.port))
        unfinished.rename(folder / f"{name}.port")
        return running


def note_wanted(config: pytest.Config, fixtures: Collection[str]) -> None:
    """Ask the controlling process, if there is one, for the services among the names of fixtures."""
    folder = _folder_of(config)
    if folder is not None:
        for name in SERVICES:
            if name in fixtures:
                (folder / f"{name}.wanted").touch()


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
    port = folder / f"{name}.port"
    deadline = time.monotonic() + START_SECONDS
    while not port.exists():
        assert time.monotonic() < deadline, f"{name} did not start within {START_SECONDS} s"
        time.sleep(0.05)
    return kind(folder / name, json.loads(port.read_text()))


def _folder_of(config: pytest.Config) -> Path | None:
    workerinput: dict[str, str] | None = getattr(config, "workerinput", None)
    return None if workerinput is None else Path(workerinput[FOLDER])
