"""Fetches and their answers are encoded and decoded as by aiokafka's own codec."""

import struct
from io import BytesIO
from typing import Any

import pytest
from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v11, FetchResponse_v11
from aiokafka.protocol.types import Array, Int32
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka import options
from streams.kafka.fetch_codec import topics_of

int16, int32, int64 = (st.integers(-(2**bits), 2**bits - 1) for bits in (15, 31, 63))
names = st.text(st.characters(codec="utf-8"), max_size=30)


def topics(partition: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.tuples(names, st.lists(partition, max_size=4)), max_size=4)


aborted = st.none() | st.lists(st.tuples(int64, int64), max_size=3)
answers = topics(st.tuples(int32, int16, int64, int64, int64, aborted, int32, st.none() | st.binary(max_size=50)))


def plain(message: type[FetchRequest_v11 | FetchResponse_v11]) -> Array:
    """aiokafka's own codec of the message's topics."""
    codec = Array(Int32)
    codec.array_of = topics_of(message).array_of
    return codec


def test_every_client_has_the_codec() -> None:
    assert options.client_options  # the import of the module installs it
    codecs = {type(topics_of(it)).__module__ for it in (FetchRequest_v11, FetchResponse_v11)}
    assert codecs == {"streams.kafka.fetch_codec"}


@given(topics(st.tuples(int32, int64, int32)), names)
def test_a_fetch_is_encoded_as_before(asked: list[Any], rack: str) -> None:
    request = FetchRequest(500, 1, 2**20, 1, asked, rack).build(FetchRequest_v11)
    assert topics_of(FetchRequest_v11).encode(request.topics) == plain(FetchRequest_v11).encode(request.topics)
    assert FetchRequest_v11.decode(request.encode()) == request


@given(answers)
def test_an_answer_is_decoded_as_before(answered: list[Any]) -> None:
    encoded = plain(FetchResponse_v11).encode(answered)
    assert topics_of(FetchResponse_v11).decode(BytesIO(encoded)) == answered
    assert plain(FetchResponse_v11).decode(BytesIO(encoded)) == answered
    whole = FetchResponse_v11(1, 2, 3, answered)
    assert FetchResponse_v11.decode(whole.encode()) == whole


def test_an_answer_that_is_cut_off_is_refused() -> None:
    encoded = FetchResponse_v11(0, 0, 0, [("spend", [(0, 0, 9, 9, 0, [(1, 2)], -1, b"batches")])]).encode()
    for length in range(len(encoded)):
        with pytest.raises((ValueError, struct.error)):
            FetchResponse_v11.decode(encoded[:length])
