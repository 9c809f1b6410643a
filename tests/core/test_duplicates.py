"""The window remembers at least the last ids, as chunks that a restart finds again."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from core.duplicates import CHUNK_FULL, CHUNK_MAX, DuplicateWindow, id_hash


def flush(window: DuplicateWindow, stored: dict[int, bytes]) -> list[int]:
    """Store what changed; the numbers that were written."""
    written, dropped = window.take_changes()
    stored.update(written)
    for number in dropped:
        del stored[number]
    return [number for number, _ in written]


def restored(stored: dict[int, bytes], capacity: int) -> DuplicateWindow:
    window = DuplicateWindow(capacity)
    window.restore(stored.items())
    return window


def test_a_hash_is_the_same_in_every_process() -> None:
    program = "from core.duplicates import id_hash; print(id_hash('nike', 'e1'))"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout
    assert int(output) == id_hash("nike", "e1") == 0x8774109E6BF858D3


def test_brand_and_event_id_cannot_be_shifted_into_each_other() -> None:
    assert len({id_hash("ab", "c"), id_hash("a", "bc"), id_hash("abc", ""), id_hash("b", "c")}) == 4


def test_a_small_chunk_is_written_again_until_it_is_full() -> None:
    window, stored = DuplicateWindow(1_000_000), dict[int, bytes]()
    hashes = iter(range(10_000))
    numbers = []
    for _ in range(5):
        for _ in range(100):
            window.add(next(hashes), 7)
        numbers += flush(window, stored)
    assert numbers == [0, 0, 0, 1, 1]
    assert flush(window, stored) == []
    assert restored(stored, 1_000_000).seen == window.seen
    assert CHUNK_FULL == 256


def test_a_flush_of_very_many_ids_is_cut_into_chunks_that_a_message_can_hold() -> None:
    window, stored = DuplicateWindow(1_000_000), dict[int, bytes]()
    for hashed in range(100_000):
        window.add(hashed, -hashed)
    assert flush(window, stored) == [0, 1, 2, 3]
    assert max(map(len, stored.values())) == CHUNK_MAX * 16 < 1 << 20
    assert restored(stored, 1_000_000).seen == window.seen


def test_the_oldest_are_dropped_but_never_of_the_last_ones() -> None:
    window, stored = DuplicateWindow(1_000), dict[int, bytes]()
    for start in range(0, 6_000, 300):
        for hashed in range(start, start + 300):
            window.add(hashed, 1)
        flush(window, stored)
        assert set(range(max(0, start + 300 - 1_000), start + 300)) <= set(window.seen)
        assert len(window.seen) < 1_000 + 300
        assert restored(stored, 1_000).seen == window.seen
    assert 0 not in window.seen
    assert 0 not in stored


def test_a_restored_window_goes_on_as_the_one_that_was_stored() -> None:
    window, stored = DuplicateWindow(1_000), dict[int, bytes]()
    for start in range(0, 3_000, 70):
        for hashed in range(start, start + 70):
            window.add(hashed, 1)
        other = dict(stored)
        twin = restored(other, 1_000)
        for hashed in range(start, start + 70):
            twin.add(hashed, 1)
        assert flush(twin, other) == flush(window, stored)
        assert (other, twin.seen) == (stored, window.seen)


def test_a_smaller_capacity_takes_hold_with_the_next_flush() -> None:
    window, stored = DuplicateWindow(10_000), dict[int, bytes]()
    for start in range(0, 5_000, 500):
        for hashed in range(start, start + 500):
            window.add(hashed, 1)
        flush(window, stored)
    smaller = restored(stored, 1_000)
    flush(smaller, stored)
    assert set(smaller.seen) == set(range(4_000, 5_000))


@given(st.dictionaries(st.integers(0, 2**64 - 1), st.integers(-(10**15), 10**15), max_size=600))
def test_hashes_and_amounts_of_any_size_are_restored(entries: dict[int, int]) -> None:
    window, stored = DuplicateWindow(1_000_000), dict[int, bytes]()
    for hashed, amount in entries.items():
        window.add(hashed, amount)
    flush(window, stored)
    assert restored(stored, 1_000_000).seen == entries


def test_the_window_tells_since_when_every_id_is_held_also_after_restarts() -> None:
    window, stored = DuplicateWindow(1_000), dict[int, bytes]()
    assert window.reaches_back_to is None
    for now in range(1, 500):
        for hashed in range(now * 100, now * 100 + 100):
            window.add(hashed, 1)
        written, dropped = window.take_changes(now)
        stored.update(written)
        for number in dropped:
            del stored[number]
        if now % 7 == 0:
            window, beginnings = DuplicateWindow(1_000), window.beginnings
            window.restore(stored.items(), beginnings)
        since = window.reaches_back_to
        assert since is not None
        oldest_came_at = min(window.seen) // 100
        assert oldest_came_at <= since <= max(1, now - 9)
        assert len(window.beginnings) <= 64
    assert window.reaches_back_to == oldest_came_at


def test_a_window_of_many_chunks_keeps_the_beginnings_of_some() -> None:
    window = DuplicateWindow(30_000)
    for now in range(1, 250):
        for hashed in range(now * 300, now * 300 + 300):
            window.add(hashed, 1)
        window.take_changes(now)
        assert len(window.beginnings) <= 64
        if now % 10 == 0:
            since, oldest_came_at = window.reaches_back_to, min(window.seen) // 300
            assert since is not None
            assert oldest_came_at <= since <= oldest_came_at + 10


def test_what_an_older_release_wrote_has_no_beginning() -> None:
    window, stored = DuplicateWindow(1_000), dict[int, bytes]()
    window.add(1, 1)
    flush(window, stored)
    assert restored(stored, 1_000).reaches_back_to is None


def test_a_chunk_that_is_written_again_keeps_the_moment_at_which_it_was_begun() -> None:
    window = DuplicateWindow(1_000_000)
    for now in (10, 20, 30):
        window.add(now, 1)
        window.take_changes(now)
    assert window.beginnings == [(0, 10)]


def test_of_more_than_64_beginnings_every_second_is_kept() -> None:
    window = DuplicateWindow(1_000_000)
    for now in range(65):
        for hashed in range(now * CHUNK_FULL, (now + 1) * CHUNK_FULL):
            window.add(hashed, 1)
        assert len(window.beginnings) == now
        window.take_changes(now)
    assert window.beginnings == [(number, number) for number in range(0, 65, 2)]


def test_a_chunk_that_repeats_ids_of_another_is_dropped_too() -> None:
    """Forged: no window writes it."""
    first, second = DuplicateWindow(1_000_000), DuplicateWindow(1_000_000)
    first.add(0, 1)
    for hashed in range(CHUNK_FULL):
        second.add(hashed, 1)
    [(_, repeated)], [(_, chunk)] = first.take_changes()[0], second.take_changes()[0]
    window = DuplicateWindow(1)
    window.restore([(0, repeated), (1, chunk)])
    for hashed in (CHUNK_FULL, CHUNK_FULL + 1):
        window.add(hashed, 1)
    assert window.take_changes()[1] == [0, 1]
    assert set(window.seen) == {CHUNK_FULL, CHUNK_FULL + 1}
