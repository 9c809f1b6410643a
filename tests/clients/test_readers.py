"""Every client library's reader on a real broker, all at once: transactions, acknowledgements, silence and its end."""

import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from local.kafka import LocalKafka
from tests.clients.libraries import LIBRARIES, ClientLibrary
from tests.clients.topics import ControlTopics, command

PATIENCE_SECONDS = 60
BEAT_SECONDS = 0.5
#: An example polls every 500 ms.
SILENT_WITHIN_SECONDS = 6
FRESH_WITHIN_SECONDS = 2

RUNS = "nike-summer runs reasons=[] doubts=[]"
STOPS = "nike-summer stops reasons=[daily_budget] doubts=[]"
WAITS = "nike-summer stops reasons=[] doubts=[silent]"
IS_SILENT = "nike-summer stops reasons=[daily_budget] doubts=[silent]"


class Example:
    """A library's example program at work. `seen` grows with the lines that it prints, each with its moment."""

    def __init__(self, library: ClientLibrary, topics: ControlTopics) -> None:
        self.seen: list[tuple[float, str]] = []
        self._process = subprocess.Popen(
            [*library.command("example"), topics.brokers, topics.prefix],
            env=library.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def lines(self, since: float = 0) -> list[str]:
        return [line for moment, line in self.seen if moment >= since]

    def moment_of(self, line: str, since: float) -> float:
        return next(moment for moment, seen in self.seen if seen == line and moment >= since)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.seen.append((time.monotonic(), line.strip()))


class Heart:
    """Beats for partition 0 until it is stopped."""

    def __init__(self, topics: ControlTopics) -> None:
        self._topics = topics
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._beat)
        self._thread.start()

    def stop(self) -> float:
        """The moment of the last beat."""
        self._stopping.set()
        self._thread.join()
        return self._last

    def _beat(self) -> None:
        while True:
            self._topics.beat(0)
            self._last = time.monotonic()
            if self._stopping.wait(BEAT_SECONDS):
                return


class ExamplesRun:
    """What was written to the topics, and what each library's example printed and acknowledged."""

    def __init__(self, topics: ControlTopics) -> None:
        self.topics = topics
        self.skipped: dict[str, str] = {}
        self.examples: dict[str, Example] = {}
        self.acks: list[dict[str, object]] = []

    def start(self) -> None:
        for library in LIBRARIES:
            try:
                self.examples[library.name] = Example(library, self.topics)
            except pytest.skip.Exception as reason:
                self.skipped[library.name] = str(reason)

    def play(self) -> None:
        """History with two aborted transactions of one producer at its end; a pause; silence; the end of silence."""
        self.await_lines("caught up")
        self.await_lines(WAITS)
        heart = Heart(self.topics)
        self.await_lines(RUNS)
        self.topics.transact(command("nike-summer", 2, "daily_budget"))
        self.await_lines(STOPS)
        self.acks = self.topics.acks(len(self.examples))
        self.last_beat = heart.stop()
        self.await_lines(IS_SILENT)
        self.returned = time.monotonic()
        heart = Heart(self.topics)
        self.await_lines(STOPS, self.returned)
        heart.stop()

    def await_lines(self, line: str, since: float = 0) -> None:
        self._await(lambda example: line in example.lines(since), line)

    def _await(self, holds: Callable[[Example], bool], wanted: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while waiting := {name: it.lines() for name, it in self.examples.items() if not holds(it)}:
            assert time.monotonic() < deadline, f"no {wanted!r} from {waiting}"
            time.sleep(0.02)


@pytest.fixture(scope="module")
def examples_run(kafka: LocalKafka) -> Iterator[ExamplesRun]:
    topics = ControlTopics(kafka.brokers, f"t{secrets.token_hex(4)}-")
    topics.transact(command("nike-summer", 1), command("nike-nights", 1, "schedule"))
    topics.transact(command("nike-summer", 2, "aborted"), abort=True)
    topics.transact(command("nike-summer", 3, "aborted"), abort=True)
    topics.transact(command("nike-far", 1), partition=1, abort=True)
    topics.transact(command("nike-deleted", 1), partition=2)
    topics.truncate(2)
    topics.beat(0)  # from before the start: it tells nothing of now
    run = ExamplesRun(topics)
    try:
        run.start()
        run.play()
        yield run
    finally:
        for example in run.examples.values():
            example.stop()


@pytest.fixture(params=[library.name for library in LIBRARIES])
def name(request: pytest.FixtureRequest, examples_run: ExamplesRun) -> str:
    library: str = request.param
    if library in examples_run.skipped:
        pytest.skip(examples_run.skipped[library])
    return library


def test_it_tells_what_was_committed_and_nothing_of_what_was_aborted(name: str, examples_run: ExamplesRun) -> None:
    lines = examples_run.examples[name].lines()
    assert lines[0] == "caught up"
    assert {line.split()[0] for line in lines[1:]} == {"nike-nights", "nike-summer"}
    assert not any("aborted" in line for line in lines)


def test_what_it_applied_after_its_start_is_acknowledged(name: str, examples_run: ExamplesRun) -> None:
    acks = [(ack["command_id"], ack["outcome"]) for ack in examples_run.acks if ack["consumer"] == f"example-{name}"]
    assert acks == [("nike-summer:1:2", "applied")]


def test_silence_is_noticed_within_6_seconds_and_its_end_within_2(name: str, examples_run: ExamplesRun) -> None:
    example = examples_run.examples[name]
    silent_after = example.moment_of(IS_SILENT, examples_run.last_beat) - examples_run.last_beat
    assert 4.5 < silent_after < SILENT_WITHIN_SECONDS
    assert example.moment_of(STOPS, examples_run.returned) - examples_run.returned < FRESH_WITHIN_SECONDS
