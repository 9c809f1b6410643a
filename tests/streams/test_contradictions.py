"""A claim that proved wrong excuses what it claimed, and no claim of another partition or another time."""

from structlog.dev import ConsoleRenderer

from core.heartbeat import DecidedUpTo
from tests.streams.contradictions import Contradiction, contradictions


def test_what_was_claimed_wrongly_is_covered_and_nothing_else() -> None:
    decided = DecidedUpTo()
    decided.observe([10_000], {}, [])
    assert decided.contradicted_by(9_400)
    it = Contradiction(1, 9_400, decided.margin_ms)
    assert all(it.covers(1, at) for at in range(9_400, 10_000))
    assert not any(it.covers(0, at) for at in range(9_000, 11_000))
    assert not it.covers(1, 9_399)
    assert not it.covers(1, 10_250)


def test_the_lines_are_those_that_a_worker_writes() -> None:
    fields = {"arrival": 1764260000123, "margin_ms": 400, "partition": 3, "process": "worker"}
    line = ConsoleRenderer(colors=False)(None, "", {"level": "warning", "event": "heartbeat_contradicted", **fields})
    assert contradictions(f"partitions_owned partition=1\n{line}\n") == [Contradiction(3, 1764260000123, 400)]
    assert contradictions("partitions_owned partition=1\n") == []
