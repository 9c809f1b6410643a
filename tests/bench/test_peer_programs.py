"""How a peer's program is run, and how it counts what it has read."""

import sys

import pytest

from bench.peer.program import PeerFailed, said
from bench.peer.work import Counter


def _marks(printed: str) -> list[int]:
    return [int(line.split()[1]) for line in printed.splitlines()]


def test_a_program_marks_the_first_event_the_half_and_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    counter = Counter(4)
    assert [counter.add() for _ in range(4)] == [False, False, False, True]
    assert _marks(capsys.readouterr().out) == [1, 2, 4]


def test_an_engine_that_counts_many_at_once_marks_each_of_them_once(capsys: pytest.CaptureFixture[str]) -> None:
    counter = Counter(10)
    for count in (1, 1, 7, 6, 10):
        counter.reach(count)
    assert _marks(capsys.readouterr().out) == [1, 5, 10]


def test_the_last_words_of_a_program_that_fails_are_told() -> None:
    with pytest.raises(PeerFailed, match="exit code 1: no rocks here"):
        said([sys.executable, "-c", "import sys; sys.exit('no rocks here')"])
    assert said([sys.executable, "-c", "print('rocks')"]) == "rocks\n"
