"""What a partition keeps in memory is bounded by keys, values and headers, whichever of them is large."""

from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.topics import INPUTS, Topic
from streams.worker.inbox import _KEPT_BYTES, _KEPT_RECORDS, Inbox

SPEND = Topic.SPEND_EVENTS


def record_of(
    topic: Topic,
    offset: int,
    *,
    key: bytes | None = None,
    value: bytes = b"",
    headers: tuple[tuple[str, bytes], ...] = (),
) -> ConsumerRecord:
    return ConsumerRecord(topic, 0, offset, 0, 0, key, value, None, 0, len(value), headers)


def opened() -> Inbox:
    inbox = Inbox()
    inbox.begin(dict.fromkeys(INPUTS, 0), {})
    return inbox


def test_a_topic_is_full_of_headers_and_of_keys_as_of_values() -> None:
    large = b"x" * 60_000
    for key, value, headers in ((b"k", b"1", (("h", large),)), (large, b"1", ()), (None, large, ())):
        inbox, offset, polls = opened(), 0, 0
        while not inbox.full():
            records = [record_of(SPEND, offset + n, key=key, value=value, headers=headers) for n in range(20)]
            offset, polls = offset + len(records), polls + 1
            inbox.add(SPEND, records, offset)
            assert polls < 100
        assert _KEPT_BYTES <= inbox.size_in_bytes(SPEND) < _KEPT_BYTES + 20 * 61_000
        assert inbox.full() == {SPEND}
        inbox.drop(SPEND, 20)
        assert not inbox.full()
        inbox.drop(SPEND, offset - 20)
        assert inbox.is_empty()
        assert inbox.size_in_bytes(SPEND) == 0


def test_a_topic_is_full_of_many_small_records() -> None:
    inbox = opened()
    inbox.add(SPEND, [record_of(SPEND, n) for n in range(_KEPT_RECORDS)], _KEPT_RECORDS)
    assert inbox.full() == {SPEND}


sizes = st.tuples(st.integers(0, 50), st.integers(0, 50), st.lists(st.integers(0, 50), max_size=3))


@given(steps=st.lists(st.lists(sizes, max_size=6) | st.integers(0, 10), max_size=20))
def test_the_count_is_never_less_than_what_is_at_hand_and_nothing_when_that_is_nothing(
    steps: list[list[tuple[int, int, list[int]]] | int],
) -> None:
    inbox, offset = opened(), 0
    for step in steps:
        if isinstance(step, int):
            inbox.drop(SPEND, min(step, len(list(inbox.queued(SPEND)))))
        else:
            records = [
                record_of(SPEND, offset + n, key=b"k" * k, value=b"v" * v, headers=tuple(("h", b"h" * h) for h in hs))
                for n, (k, v, hs) in enumerate(step)
            ]
            offset += len(records)
            inbox.add(SPEND, records, offset)
        queued = list(inbox.queued(SPEND))
        held = sum(
            len(it.key or b"") + len(it.value or b"") + sum(len(value or b"") for _, value in it.headers)
            for it in queued
        )
        assert inbox.size_in_bytes(SPEND) >= held
        assert queued or inbox.size_in_bytes(SPEND) == 0
    inbox.begin(inbox.positions(), {})
    assert inbox.size_in_bytes(SPEND) == 0
