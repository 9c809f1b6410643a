"""Batches of any bytes, without a broker: what can be decoded is, the rest is named, and memory stays within bounds."""

import os
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from itertools import cycle

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.record.memory_records import MemoryRecords as TheirMemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from core.moment import END_OF_TIME, format_moment, parse_moment
from core.spend import MAX_VALUE_BYTES
from streams.kafka import record_batches
from streams.kafka.record_batches import (
    HAND_OVER_BYTES,
    ORDINARY_BYTES,
    FetchResult,
    MemoryRecords,
    PartitionRecords,
    as_decoded,
)
from streams.kafka.record_stream import FetchedRecord, Memory, streamed
from streams.kafka.truncation import CutHeaders, TruncatedBytes, Undecodable
from tests.lengths import length
from tests.streams.raw_batches import CODECS, NOW, Raw, batch, encoded, packed

TP = TopicPartition("spend-events", 3)
READ_COMMITTED = 1
GOOD = Raw(b"nike", b'{"amount":"1"}', ((b"trace", b"1"),))
MIB = 1024 * 1024


def read(fetched: bytes, at: int = 0) -> list[ConsumerRecord]:
    return list(_records(fetched, at))


def _records(fetched: bytes, at: int = 0) -> Iterator[ConsumerRecord]:
    return PartitionRecords(TP, MemoryRecords(fetched), [], at, None, None, True, READ_COMMITTED)


@pytest.mark.parametrize("codec", CODECS)
def test_an_ordinary_batch_is_read_as_aiokafka_reads_it(codec: int) -> None:
    records = [GOOD, Raw(None, None), Raw(b"", b"", (("grün".encode(), None),)), Raw(b"k", os.urandom(50_000))]
    fetched = batch(records, codec, base=100) + batch([GOOD], codec, base=104)
    theirs = []
    batches = TheirMemoryRecords(fetched)
    while batches.has_next():
        theirs += [(it.offset, it.timestamp, it.key, it.value, tuple(it.headers)) for it in batches.next_batch()]
    ours = [(it.offset, it.timestamp, it.key, it.value, it.headers) for it in read(fetched, 100)]
    assert ours == theirs


@pytest.fixture
def parsed_by_us(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The base offset of each batch that reaches the parser in Python, which is many times slower than aiokafka's."""
    offsets: list[int] = []

    def noting(raw: memoryview, memory: Memory) -> Iterator[FetchedRecord]:
        offsets.append(int.from_bytes(raw[:8], "big"))
        return streamed(raw, memory)

    monkeypatch.setattr(record_batches, "streamed", noting)
    return offsets


def test_aiokafka_parses_with_compiled_code() -> None:
    assert "_crecords" in record_batches.DefaultRecordBatch.__module__


@pytest.mark.parametrize("codec", CODECS)
def test_no_ordinary_batch_reaches_the_parser_in_python(codec: int, parsed_by_us: list[int]) -> None:
    big = Raw(b"k", os.urandom(MAX_VALUE_BYTES // 2))
    batches = [[GOOD], [GOOD] * 1000, [Raw(None, None), Raw(b"", b"")], [big] * 3, [GOOD] * 7]
    fetched, base = b"", 0
    for records in batches:
        fetched += batch(records, codec, base=base)
        base += len(records)
    assert len(read(fetched)) == base
    assert parsed_by_us == []


@pytest.mark.parametrize("codec", CODECS)
def test_only_the_batch_that_aiokafka_cannot_read_reaches_the_parser_in_python(
    codec: int, parsed_by_us: list[int]
) -> None:
    odd = Raw(b"k", b"v", ((b"tr\xffce", None),))
    fetched = batch([GOOD] * 10, codec) + batch([GOOD, odd], codec, base=10) + batch([GOOD] * 10, codec, base=12)
    assert len(read(fetched)) == 22
    assert parsed_by_us == [10]


@pytest.mark.parametrize("codec", CODECS)
def test_a_header_name_that_is_no_text_is_written_out_and_costs_no_record(codec: int) -> None:
    odd = Raw(b"k", b"v", ((b"tr\xffce", b"\xfe"), (b"\xed\xa0\x80", None)))
    got = read(batch([GOOD, odd, GOOD], codec))
    assert [it.offset for it in got] == [0, 1, 2]
    assert got[1].headers == (("tr\\xffce", b"\xfe"), ("\\xed\\xa0\\x80", None))
    assert got[2].value == GOOD.value
    for name, _ in got[1].headers:
        name.encode()  # can be written again


@pytest.mark.parametrize("timestamp", [-(1 << 62), -1, 0, END_OF_TIME, END_OF_TIME + 1, 1 << 62])
def test_every_timestamp_is_read_as_a_moment_that_can_be_written(timestamp: int) -> None:
    (got,) = read(batch([GOOD._replace(timestamp_delta=timestamp - NOW)]))
    assert got.timestamp == min(max(timestamp, 0), END_OF_TIME)
    assert parse_moment(format_moment(got.timestamp)) == got.timestamp


@pytest.mark.parametrize("codec", CODECS[1:])
@pytest.mark.parametrize("xerial", [True, False])
def test_what_is_too_large_is_kept_in_part_and_the_records_around_it_whole(codec: int, xerial: bool) -> None:
    value = b"7" * 12 * MIB
    got = read(
        batch([GOOD, Raw(value, value, ((b"n", value[: 2 * MIB]), (b"last", b"1"))), GOOD], codec, xerial=xerial)
    )
    if len(got) == 1:
        assert isinstance(got[0].value, Undecodable)
        return
    assert [it.value for it in (got[0], got[2])] == [GOOD.value, GOOD.value]
    for kept in (got[1].key, got[1].value):
        assert isinstance(kept, TruncatedBytes)
        assert (kept.length, kept.sha256) == (len(value), sha256(value).hexdigest())
        assert len(kept) == MAX_VALUE_BYTES + 1
    assert isinstance(got[1].headers, CutHeaders)
    assert (got[1].headers, got[1].headers.dropped) == ((("last", b"1"),), 1)


@pytest.mark.long
@pytest.mark.parametrize("codec", CODECS[1:])
def test_a_batch_is_never_in_memory_as_a_whole(codec: int) -> None:
    raw = batch([Raw(b"k", b"7" * length(120, 400) * MIB), GOOD], codec)
    tracemalloc.start()
    offsets = [it.offset for it in _records(raw)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert offsets == [0, 1]
    assert peak < 3 * ORDINARY_BYTES


def test_many_headers_are_counted_and_only_the_first_and_last_kept() -> None:
    many = Raw(b"k", b"v", tuple((b"%d" % number, None) for number in range(5_000)))
    for fetched in (batch([many]), batch([many, Raw(b"k", b"v", ((b"\xff", b""),))])):
        headers = read(fetched)[0].headers
        assert isinstance(headers, CutHeaders)
        assert (len(headers), headers.dropped, headers[0][0], headers[-1][0]) == (1_000, 4_000, "0", "4999")


@pytest.mark.parametrize("forged", [-5, 0, 7, 2**31 - 1])
@pytest.mark.parametrize("codec", CODECS)
def test_a_record_cannot_move_the_reader_by_the_offset_it_claims(codec: int, forged: int) -> None:
    got = read(batch([GOOD, Raw(b"k", b"v", offset_delta=forged), GOOD], codec, base=50) + batch([GOOD], base=53), 50)
    assert [it.offset for it in got] == [50, 51, 52, 53]


@pytest.mark.parametrize("codec", [*CODECS[1:], 5, 7])
def test_a_batch_that_cannot_be_unpacked_is_named_once_and_passed(codec: int) -> None:
    bad = batch([GOOD] * 3, codec, base=10, payload=b"\x82SNAPPY\0 and no more of it")
    got = read(batch([GOOD], base=9) + bad + batch([GOOD], codec % 5, base=13), 9)
    assert [it.offset for it in got] == [9, 10, 13]
    assert isinstance(got[1].value, Undecodable)
    assert (got[1].value.last_offset, got[1].key) == (12, None)
    assert "from offset 10 to 12" in got[1].value.why
    # Read again from behind the stand-in, nothing of the batch comes twice.
    assert [it.offset for it in read(bad, 11)] == []


def test_what_stands_before_the_damage_is_read() -> None:
    whole = b"".join(part for at in range(3) for part in encoded(GOOD, at))
    got = read(batch([GOOD] * 4, payload=whole + b"\x40\x00"))
    assert [it.offset for it in got] == [0, 1, 2, 3]
    assert isinstance(got[3].value, Undecodable)


class _Assignment:
    """What a result of aiokafka asks of its consumer, with the one position."""

    active = True
    paused = False

    def __init__(self, position: int = 0) -> None:
        self.position = position

    def state_value(self, tp: TopicPartition) -> "_Assignment":
        return self

    def consumed_to(self, position: int) -> None:
        self.position = position


def test_no_more_is_handed_over_at_a_time_than_there_is_memory_for() -> None:
    fetched = b"".join(batch([Raw(b"k", b"7" * MAX_VALUE_BYTES)] * 15, 4, base=base) for base in range(0, 1500, 15))
    assignment = _Assignment()
    result = FetchResult(TP, assignment=assignment, partition_records=_records(fetched), backoff=0)
    offsets = []
    while result.has_more():
        taken = result.getall(5_000)
        assert sum(len(it.value) for it in taken) <= HAND_OVER_BYTES + ORDINARY_BYTES
        offsets += [it.offset for it in taken]
        assert assignment.position == (offsets[-1] + 1)
    assert offsets == list(range(1500))


@given(
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["whole", "odd", "broken"])), min_size=1, max_size=4),
    st.integers(0, 20),
    st.lists(st.none() | st.integers(1, 7), min_size=1),
)
@settings(deadline=None)
def test_records_taken_in_pieces_of_any_size_are_those_taken_at_once(
    batches: list[tuple[int, str]], at: int, sizes: list[int | None]
) -> None:
    """None: as by `getone`. `odd` is decoded record by record, `broken` not at all."""
    odd, fetched, base = Raw(b"k", b"v", ((b"tr\xffce", None),)), b"", 0
    at = min(at, sum(count for count, _ in batches) - 1)
    for count, kind in batches:
        records = [odd if kind == "odd" else GOOD] * count
        if at < base + count:  # the broker begins with the batch that holds the offset
            fetched += batch(records, base=base, payload=b"\x40" if kind == "broken" else None)
        base += count
    expected = [it.offset for it in read(fetched) if it.offset >= at]
    assignment = _Assignment(at)
    result = FetchResult(TP, assignment=assignment, partition_records=_records(fetched, at), backoff=0)
    offsets: list[int] = []
    for size in cycle(sizes):
        taken = result.getall(size) if size else [it for it in (result.getone(),) if it]
        offsets += [it.offset for it in taken]
        assert len(taken) <= (size or 1)
        if not result.has_more():
            break
        assert assignment.position == offsets[-1] + 1
    assert offsets == expected
    assert assignment.position == base


@pytest.mark.parametrize("at", [0, 4, 9])
def test_records_as_the_parser_made_them_are_the_same_records(at: int) -> None:
    """Of a batch that is decoded at once, of one that has to be decoded record by record, and of one that cannot be."""
    odd = Raw(b"k", b"7" * (MAX_VALUE_BYTES + 2), ((b"tr\xffce", None),))
    batches = (
        batch([Raw(b"k%d" % number, None if number == 3 else b"v") for number in range(6)]),
        batch([odd, GOOD], base=6),
        batch([GOOD] * 2, base=8, payload=b"\x40"),
        batch([GOOD], base=10),
    )
    fetched = b"".join(batches)
    decoded = list(PartitionRecords(TP, MemoryRecords(fetched), [], at, as_decoded, None, True, READ_COMMITTED))
    expected = read(fetched, at)
    assert [(it.offset, it.key, it.value) for it in decoded] == [(it.offset, it.key, it.value) for it in expected]
    assert [type(it.value) for it in decoded] == [type(it.value) for it in expected]
    assert expected[-1].offset == 10


def test_what_is_decoded_is_not_handed_over_where_the_position_has_moved() -> None:
    assignment = _Assignment()
    result = FetchResult(TP, assignment=assignment, partition_records=_records(batch([GOOD] * 9)), backoff=0)
    assert [it.offset for it in result.getall(4)] == [0, 1, 2, 3]
    assignment.consumed_to(2)
    assert result.getall(4) == []
    assert not result.has_more()


raw_records = st.builds(
    Raw,
    st.none() | st.binary(max_size=20),
    st.none() | st.binary(max_size=200),
    st.lists(st.tuples(st.binary(max_size=8), st.none() | st.binary(max_size=8)), max_size=4).map(tuple),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 255),
    st.integers(-(2**63), 2**63 - 1),
)


@given(st.lists(raw_records, min_size=1, max_size=6), st.sampled_from(CODECS), st.booleans())
@settings(max_examples=length(60, 300), deadline=None)
def test_every_record_keeps_its_place_and_its_bytes(records: list[Raw], codec: int, xerial: bool) -> None:
    got = read(batch(records, codec, xerial=xerial) + batch([GOOD], base=len(records)))
    assert got[-1].value == GOOD.value
    if isinstance(got[-2].value, Undecodable):
        return
    assert [it.offset for it in got] == list(range(len(records) + 1))
    plain = [it for it in zip(records, got, strict=False) if it[0].attributes < 0x80]
    assert [(raw.key, raw.value) for raw, _ in plain] == [(it.key, it.value) for _, it in plain]


@given(st.binary(max_size=400), st.sampled_from([*CODECS, 6]), st.integers(1, 50), st.booleans())
@settings(max_examples=length(100, 500), deadline=None)
def test_any_payload_is_passed(payload: bytes, codec: int, count: int, is_packed: bool) -> None:
    raw = batch([], codec, payload=packed(codec, payload) if is_packed else payload, count=count)
    got = read(raw + batch([GOOD], base=count))
    assert got[-1].value == GOOD.value
    assert got[-1].offset == count
    offsets = [it.offset for it in got]
    assert offsets == sorted(set(offsets))


@given(st.binary(min_size=1, max_size=400), st.sampled_from([0, 1]), st.integers(0, 255))
@settings(max_examples=length(100, 500), deadline=None)
def test_any_batch_of_an_old_format_is_passed(body: bytes, magic: int, attributes: int) -> None:
    import struct
    import zlib

    checked = bytes([magic, attributes]) + body
    raw = struct.pack(">qiI", 7, len(checked) + 4, zlib.crc32(checked)) + checked
    if len(raw) < 34:
        return
    got = read(raw + batch([GOOD], base=8), 7)
    assert got[-1].value == GOOD.value
    assert [it.offset for it in got[:-1]] in ([], [7])
