"""A dead letter is made to fit whatever its topic takes, and tells what it lacks."""

from hashlib import sha256

from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from core.refusal import Refusal, RefusalReason
from core.spend import MAX_VALUE_BYTES
from streams.dead_letters.dead_letter import split_headers
from streams.dead_letters.outbox import Outbox
from streams.kafka.truncation import TruncatedBytes
from streams.worker.fitting import fit
from streams.worker.writes import Write, size_of

#: Our own headers and room for what tells of the cuts; no letter is smaller.
SMALLEST = 2_500

Headers = tuple[tuple[str, bytes], ...]

sizes = st.one_of(st.integers(0, 300), st.integers(0, 200_000))
limits = st.one_of(st.integers(SMALLEST, 5_000), st.integers(SMALLEST, 300_000))
header_sizes = st.lists(sizes, max_size=6)


def letter(value: bytes | None, key: bytes | None = b"nike", headers: Headers = (), why: str = "why") -> Write:
    record = ConsumerRecord("spend-events", 3, 7, 1_757_332_800_000, 0, key, value, None, 4, 0, headers)
    outbox = Outbox()
    outbox.dead_letter(record, Refusal(RefusalReason.NOT_JSON, why))
    (out,) = outbox.take()
    return Write("dlq", out.partition, out.key, out.value, out.headers)


@given(value=sizes, key=sizes, names=header_sizes, why=st.text(max_size=1_500), limit=limits)
def test_every_letter_fits_every_limit_and_tells_what_it_lacks(
    value: int, key: int, names: list[int], why: str, limit: int
) -> None:
    whole = b"v" * value
    headers = tuple((f"h{n}", b"x" * size) for n, size in enumerate(names))
    before = letter(whole, b"k" * key, headers, why)
    after = fit(before, limit)
    assert after is not None
    assert size_of(after) <= limit
    if size_of(before) <= limit:
        assert after is before
        return
    kept, ours = split_headers(after.headers)
    observed = dict(ours)
    assert observed["spendgate-reason"] == b"not_json"
    assert int(observed.get("spendgate-headers-dropped", b"0")) == len(headers) - len(kept)
    assert set(kept) <= set(headers)
    assert after.value is not None
    assert after.key is not None
    assert whole.startswith(after.value)
    assert (len(after.value) < value) == ("spendgate-value-length" in observed)
    assert int(observed.get("spendgate-value-length", value)) == value
    assert (
        observed.get("spendgate-value-sha256", sha256(whole).hexdigest().encode()) == sha256(whole).hexdigest().encode()
    )
    assert (len(after.key) < key) == ("spendgate-key-length" in observed)


@given(value=st.integers(0, MAX_VALUE_BYTES), names=header_sizes)
def test_what_may_be_spend_is_kept_whole_at_the_price_of_headers(value: int, names: list[int]) -> None:
    headers = tuple((f"h{n}", b"x" * size) for n, size in enumerate(names))
    after = fit(letter(b"v" * value, headers=headers), MAX_VALUE_BYTES + SMALLEST)
    assert after is not None
    assert after.value == b"v" * value


@given(first=limits, second=limits)
def test_a_letter_that_is_cut_twice_tells_of_the_original(first: int, second: int) -> None:
    whole = b"v" * 400_000
    once = fit(letter(whole, headers=(("a", b"x" * 1000), ("b", b"x"))), max(first, second))
    assert once is not None
    twice = fit(once, min(first, second))
    assert twice is not None
    observed = dict(split_headers(twice.headers)[1])
    assert observed["spendgate-value-length"] == b"400000"
    assert observed["spendgate-value-sha256"] == sha256(whole).hexdigest().encode()
    kept = split_headers(twice.headers)[0]
    assert int(observed.get("spendgate-headers-dropped", b"0")) == 2 - len(kept)
    assert len({name for name, _ in twice.headers}) == len(twice.headers)


def test_a_value_of_which_only_a_part_could_be_read_is_told_by_its_whole_length() -> None:
    cut = TruncatedBytes.of(b"{", length=300_000_000, sha256="ab" * 32)
    observed = dict(letter(cut).headers)
    assert observed["spendgate-value-length"] == b"300000000"
    assert observed["spendgate-value-sha256"] == b"ab" * 32


def test_a_header_whose_name_is_no_text_is_dropped_and_counted() -> None:
    after = fit(letter(b"{}", headers=(("\udcff", b"x"), ("fine", b"y"))), 100_000)
    assert after is not None
    assert split_headers(after.headers)[0] == (("fine", b"y"),)
    assert dict(after.headers)["spendgate-headers-dropped"] == b"1"


def test_nothing_fits_a_limit_that_takes_no_letter_at_all() -> None:
    assert fit(letter(b"{}"), 100) is None
