"""How much of a flush is decided ahead: every byte of what waits for it counts."""

import pytest

from streams.dead_letters.outbox import OutgoingRecord
from streams.kafka.headers import Headers
from streams.kafka.topics import Topic


@pytest.mark.parametrize(
    ("key", "value", "headers", "size"),
    [
        (b"nike", b"value", (), 9),
        (None, None, (), 0),
        (b"", b"", (("trace", b"12"),), 7),
        (b"", b"", (("trace", None), ("trace", b"")), 10),
    ],
)
def test_keys_values_and_both_parts_of_headers_count(
    key: bytes | None, value: bytes | None, headers: Headers, size: int
) -> None:
    assert OutgoingRecord(Topic.DEAD_LETTERS, 0, key, value, headers).size == size
