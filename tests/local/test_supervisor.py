"""When the supervisor starts what has died again, and what it sees meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from local import supervisor as module
from local.service_errors import LocalServiceError
from local.supervisor import Supervisor

PATIENCE_SECONDS = 20


class Service:
    """Lives and dies as the test says; `may_start` holds its starts back."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.may_start = threading.Event()
        self.may_start.set()
        self.starts: list[float] = []
        self.ready = True
        self.code: int | None = None
        self.given_up = False

    def start(self) -> None:
        self.starts.append(time.monotonic())
        self.may_start.wait(PATIENCE_SECONDS)
        if self.given_up:
            raise LocalServiceError("it was told to end")
        self.code = None

    def cancel_start(self) -> None:
        self.given_up = True
        self.may_start.set()

    def exit_code(self) -> int | None:
        return self.code

    def last_log_line(self) -> str:
        return ""

    def is_ready(self) -> bool:
        return self.ready

    def rotate_log(self) -> None: ...

    def request_stop(self) -> None: ...

    def stop(self) -> None:
        self.code = 0


@pytest.fixture
def messages() -> list[str]:
    return []


@pytest.fixture
def supervisor(messages: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """Its pauses are a twentieth of the real ones."""
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(module, "STABLE_SECONDS", 0.5)
    supervisor = Supervisor(messages.append)
    yield supervisor
    supervisor.stop()


def looked_until(supervisor: Supervisor, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        supervisor.check()
        time.sleep(0.005)


def test_while_one_starts_another_that_dies_is_started_again(supervisor: Supervisor, messages: list[str]) -> None:
    kafka, worker = Service("Kafka"), Service("worker")
    for service in (kafka, worker):
        supervisor.start(service)
    supervisor.check()
    kafka.may_start.clear()
    kafka.code = 1
    looked_until(supervisor, lambda: len(kafka.starts) == 2)
    worker.code = 70
    looked_until(supervisor, lambda: len(worker.starts) == 2 and worker.code is None)
    kafka.may_start.set()
    looked_until(supervisor, supervisor.all_ready)
    assert {"Kafka is ready again", "worker is ready again"} <= set(messages)


def test_a_stop_ends_a_start_that_is_under_way(supervisor: Supervisor) -> None:
    kafka = Service("Kafka")
    supervisor.start(kafka)
    kafka.may_start.clear()
    kafka.code = 1
    looked_until(supervisor, lambda: len(kafka.starts) == 2)
    before = time.monotonic()
    supervisor.stop()
    assert kafka.given_up
    assert time.monotonic() - before < PATIENCE_SECONDS / 2


def test_pauses_grow_to_the_longest_of_the_service_and_who_was_good_starts_at_once(
    supervisor: Supervisor, messages: list[str]
) -> None:
    worker = Service("worker")
    worker.ready = False
    supervisor.start(worker, longest_pause_seconds=0.2)
    for deaths in range(1, 6):
        worker.code = 1
        looked_until(supervisor, lambda deaths=deaths: len(worker.starts) > deaths and worker.code is None)  # type: ignore[misc]
    assert [text.rpartition(" in ")[2] for text in messages] == ["0.05 s", "0.1 s", "0.2 s", "0.2 s", "0.2 s"]
    worker.ready = True
    looked_until(supervisor, supervisor.all_ready)
    good_since = time.monotonic()
    looked_until(supervisor, lambda: time.monotonic() - good_since > module.STABLE_SECONDS)
    worker.code = -9
    looked_until(supervisor, lambda: len(worker.starts) == 7)
    assert messages[-1] == "worker was killed by signal 9; starting it again at once"
