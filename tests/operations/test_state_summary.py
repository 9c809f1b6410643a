"""What status and doctor say of the duplicate window and of held resumes. Without a broker."""

from core.moment import HOUR, MINUTE, parse_moment
from core.state_records import SCHEMA, PartRecord
from operations.doctor import _duplicates, _resumes
from operations.state_summary import state_summary

NOW = parse_moment("2025-09-08T12:00:00Z")


def part(seen: int = 0, since: int | None = None, awaited: int = 0, awaited_since: int | None = None) -> PartRecord:
    return PartRecord(SCHEMA, {}, {}, 0, seen, [] if since is None else [(3, since)], awaited, awaited_since)


def test_a_window_that_has_dropped_nothing_holds_all() -> None:
    held = state_summary({0: part(99, NOW - 5 * MINUTE), 1: part(7, NOW)}, 100, NOW)
    assert held.facts() == {
        "duplicate_window": {"event_ids": 99, "capacity": 100, "since": None, "seconds": None},
        "held_resumes": {"count": 0, "since": None, "seconds": None},
    }
    assert _duplicates(held).good
    assert _resumes(held).good


def test_of_full_windows_the_shortest_is_told() -> None:
    held = state_summary({0: part(100, NOW - 2 * HOUR), 1: part(100, NOW - 3 * HOUR), 2: part(5, NOW)}, 100, NOW)
    assert (held.since, held.seconds) == ("2025-09-08T10:00:00Z", 7_200.0)
    assert _duplicates(held).good
    short = _duplicates(state_summary({0: part(100, NOW - MINUTE)}, 100, NOW))
    assert not short.good
    assert "DUPLICATE_WINDOW" in short.mend


def test_the_resume_that_is_held_longest_is_told() -> None:
    held = state_summary(
        {0: part(awaited=2, awaited_since=NOW - 5_000), 1: part(awaited=1, awaited_since=NOW - MINUTE)}, 1, NOW
    )
    assert (held.resumes, held.resumes_since, held.resumes_seconds) == (3, "2025-09-08T11:59:00Z", 60.0)
    assert _resumes(held).good
    assert not _resumes(state_summary({0: part(awaited=1, awaited_since=NOW - MINUTE - 1_000)}, 1, NOW)).good


def test_nothing_is_held_before_the_first_flush_and_forged_moments_are_left_out() -> None:
    assert state_summary({}, 5, NOW)[:4] == (0, 5, None, None)
    assert state_summary({0: part(9, 10**30, 1, -(10**30))}, 5, NOW)[:4] == (9, 5, None, None)
