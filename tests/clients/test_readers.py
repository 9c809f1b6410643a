"""Every client library's reader on a real broker, all at once: transactions, acknowledgements, silence and its end."""

import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from local.kafka import LocalKafka
from tests.clients.kits import KITS, Kit
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
    """A kit's example program at work. `seen` grows with the lines that it prints, each with its moment."""

    def __init__(self, kit: Kit, topics: ControlTopics) -> None:
        self.seen: list[tuple[float, str]] = []
        self._process = subprocess.Popen(
            [*kit.command("example"), topics.brokers, topics.prefix],
            env=kit.environment,
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


class Story:
    """What was done, and what each library told of it."""

    def __init__(self, topics: ControlTopics) -> None:
        self.topics = topics
        self.skipped: dict[str, str] = {}
        self.examples: dict[str, Example] = {}
        self.acks: list[dict[str, object]] = []

    def start(self) -> None:
        for kit in KITS:
            try:
                self.examples[kit.name] = Example(kit, self.topics)
            except pytest.skip.Exception as reason:
                self.skipped[kit.name] = str(reason)

    def tell(self) -> None:
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
def story(kafka: LocalKafka) -> Iterator[Story]:
    topics = ControlTopics(kafka.brokers, f"t{secrets.token_hex(4)}-")
    topics.transact(command("nike-summer", 1), command("nike-nights", 1, "schedule"))
    topics.transact(command("nike-summer", 2, "aborted"), abort=True)
    topics.transact(command("nike-summer", 3, "aborted"), abort=True)
    topics.transact(command("nike-far", 1), partition=1, abort=True)
    topics.transact(command("nike-deleted", 1), partition=2)
    topics.truncate(2)
    topics.beat(0)  # from before the start: it tells nothing of now
    told = Story(topics)
    try:
        told.start()
        told.tell()
        yield told
    finally:
        for example in told.examples.values():
            example.stop()


@pytest.fixture(params=[kit.name for kit in KITS])
def name(request: pytest.FixtureRequest, story: Story) -> str:
    kit: str = request.param
    if kit in story.skipped:
        pytest.skip(story.skipped[kit])
    return kit


def test_it_tells_what_was_committed_and_nothing_of_what_was_aborted(name: str, story: Story) -> None:
    lines = story.examples[name].lines()
    assert lines[0] == "caught up"
    assert {line.split()[0] for line in lines[1:]} == {"nike-nights", "nike-summer"}
    assert not any("aborted" in line for line in lines)


def test_what_it_applied_after_its_start_is_acknowledged(name: str, story: Story) -> None:
    told = [(ack["command_id"], ack["outcome"]) for ack in story.acks if ack["consumer"] == f"example-{name}"]
    assert told == [("nike-summer:1:2", "applied")]


def test_silence_is_noticed_within_6_seconds_and_its_end_within_2(name: str, story: Story) -> None:
    example = story.examples[name]
    silent_after = example.moment_of(IS_SILENT, story.last_beat) - story.last_beat
    assert 4.5 < silent_after < SILENT_WITHIN_SECONDS
    assert example.moment_of(STOPS, story.returned) - story.returned < FRESH_WITHIN_SECONDS
