"""Which `traceparent` is one: W3C Trace Context, "traceparent Header Field Values"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.trace_parent import is_trace_parent

GOOD = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("value", [GOOD, GOOD[:-1] + b"0", b"cc" + GOOD[2:]])
def test_what_the_standard_allows_is_one(value: bytes) -> None:
    assert is_trace_parent(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"ff" + GOOD[2:],  # a version that is forbidden
        GOOD.upper(),
        GOOD[:-1],
        GOOD + b"\n",
        GOOD + b"-more",
        b" " + GOOD,
        GOOD.replace(b"-", b"_"),
        GOOD.replace(b"4bf92f3577b34da6a3ce929d0e0e4736", b"0" * 32),
        GOOD.replace(b"00f067aa0ba902b7", b"0" * 16),
        GOOD.replace(b"4bf9", b"4bg9"),
        GOOD.replace(b"4b", "٤b".encode()),
    ],
)
def test_anything_else_is_none(value: bytes | None) -> None:
    assert not is_trace_parent(value)


@given(st.binary(max_size=80))
def test_whatever_comes_is_answered(value: bytes) -> None:
    assert not is_trace_parent(value) or len(value) == 55
