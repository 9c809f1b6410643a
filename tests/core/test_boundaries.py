"""Which brands are due comes by moment and then by id, whatever the order in which they were entered."""

from itertools import permutations

from core.boundaries import Boundaries
from core.moment import NEVER, Moment


def _taken(boundaries: Boundaries, until: Moment) -> list[tuple[Moment, str]]:
    return list(iter(lambda: boundaries.take_due(until), None))


def test_entries_come_by_moment_and_then_by_id_in_whatever_order_they_were_entered() -> None:
    entries = [(100, "nike"), (100, "puma"), (200, "asics"), (300, "nike")]
    for order in permutations(entries):
        assert _taken(Boundaries(order), 300) == entries


def test_what_is_due_later_stays() -> None:
    boundaries = Boundaries([(100, "nike"), (200, "puma"), (200, "asics")])
    assert _taken(boundaries, 99) == []
    assert _taken(boundaries, 199) == [(100, "nike")]
    assert sorted(boundaries) == [(200, "asics"), (200, "puma")]
    assert _taken(boundaries, NEVER) == [(200, "asics"), (200, "puma")]
    assert list(boundaries) == []


def test_a_moment_that_was_taken_whole_may_be_entered_again() -> None:
    boundaries = Boundaries([(100, "nike")])
    assert _taken(boundaries, 100) == [(100, "nike")]
    boundaries.add(100, "nike")
    boundaries.add(100, "asics")
    assert _taken(boundaries, 100) == [(100, "asics"), (100, "nike")]
