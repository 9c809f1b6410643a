"""A spend event is read exactly, or refused with the reason and the field that a person has to mend."""

import json
import sys
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.moment import parse_moment
from core.refusal import Refusal, RefusalReason
from core.spend import MAX_VALUE_BYTES, Spend, read_spend, valid_id

Result = TypeVar("Result")
GOOD = {"event_id": "e1", "brand_id": "nike", "campaign_id": "nike-summer", "amount": "0.0125"}


def value_with(**fields: object) -> bytes:
    return json.dumps(GOOD | fields).encode()


def value_of_amount(raw: str) -> bytes:
    """The amount as it stands in the bytes: json.dumps would make a float of it."""
    return f'{{"event_id":"e1","brand_id":"nike","campaign_id":"a","amount":{raw}}}'.encode()


def refused(value: bytes | None) -> tuple[RefusalReason, str]:
    refusal = read_spend(value)
    assert isinstance(refusal, Refusal), refusal
    return refusal.reason, refusal.message


def taken(value: bytes) -> Spend:
    spend = read_spend(value)
    assert isinstance(spend, Spend), spend
    return spend


def test_the_contracts_example_is_taken() -> None:
    value = (
        b'{"event_id":"6f9","brand_id":"nike","campaign_id":"nike-summer","amount":"0.0125","currency":"USD",'
        b'"occurred_at":"2025-09-08T09:00:00.125Z","attributes":{"placement":"top"}}'
    )
    occurred_at = parse_moment("2025-09-08T09:00:00.125Z")
    assert taken(value) == Spend("6f9", "nike", "nike-summer", 12_500, "USD", occurred_at)


def test_what_is_optional_may_be_absent_or_null() -> None:
    spend = Spend("e1", "nike", "nike-summer", 12_500, None, None)
    assert taken(value_with()) == taken(value_with(currency=None, occurred_at=None, attributes=None)) == spend


def test_unknown_fields_are_ignored_whatever_they_hold() -> None:
    assert taken(value_with(zzz={"deep": [[[1, "}]"]]]}, Amount="5", ce_id=None)) == taken(value_with())


@pytest.mark.parametrize(
    ("raw", "micros"),
    [
        ("0.1", 100_000),
        ("1e-6", 1),
        ("12.5e3", 12_500_000_000),
        ("-25", -25_000_000),
        ("123456789.123456", 123_456_789_123_456),
        ('"0.1"', 100_000),
    ],
)
def test_a_number_is_read_exactly_and_through_no_float(raw: str, micros: int) -> None:
    assert taken(value_of_amount(raw)).amount_micros == micros


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("0", RefusalReason.AMOUNT_ZERO),
        ("-0", RefusalReason.AMOUNT_ZERO),
        ('"0.00"', RefusalReason.AMOUNT_ZERO),
        ('"-0"', RefusalReason.AMOUNT_ZERO),
        ("0.0000001", RefusalReason.AMOUNT_PRECISION),
        ("1e-400", RefusalReason.AMOUNT_PRECISION),
        ('"0.0000001"', RefusalReason.AMOUNT_PRECISION),
        ("1e400", RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("-1e400", RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("1e30", RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("1000000000000", RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("1" + "0" * 60, RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("1" + "0" * 5_000, RefusalReason.AMOUNT_OUT_OF_RANGE),
        (f'"{"9" * 1_000}"', RefusalReason.AMOUNT_OUT_OF_RANGE),
        ('"1e3"', RefusalReason.INVALID_FIELD),
        ('"much"', RefusalReason.INVALID_FIELD),
        ('"\u0661"', RefusalReason.INVALID_FIELD),
        ("true", RefusalReason.INVALID_FIELD),
        ("null", RefusalReason.INVALID_FIELD),
        ("[1]", RefusalReason.INVALID_FIELD),
        ("{}", RefusalReason.INVALID_FIELD),
    ],
)
def test_an_amount_that_cannot_be_taken_is_refused_by_name(raw: str, reason: RefusalReason) -> None:
    found, message = refused(value_of_amount(raw))
    assert found is reason
    assert message.startswith("amount: ")
    assert len(message) < 200


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff\xfe",
        b"no json",
        b'{"event_id":"e1"',
        value_of_amount("NaN"),
        value_of_amount("Infinity"),
        value_of_amount("01"),
        value_of_amount('"1"') + b" trailing",
        b"\xef\xbb\xbf" + value_of_amount('"1"'),
        b'{"event_id":"\\ud800","brand_id":"nike","campaign_id":"a","amount":"1"}',
    ],
    ids=["tombstone", "empty", "bytes", "text", "cut off", "NaN", "Infinity", "01", "trailing", "BOM", "surrogate"],
)
def test_a_value_that_is_not_json_is_refused(value: bytes | None) -> None:
    assert refused(value)[0] is RefusalReason.NOT_JSON


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "the value is empty (a tombstone); a spend event is a JSON object"),
        (value_of_amount('"1"').ljust(65_537), "the value has 65537 bytes, at most 65536 are taken"),
        (b'{"deep":' + b"[" * 300, "the value is nested more than 256 deep"),
        (b"{", "the value is not JSON: Input data was truncated"),
        (value_with(event_id=""), "event_id: must be 1-128 printable characters"),
        (value_with(brand_id="ni ke"), "brand_id: must be 1-64 of A-Z a-z 0-9 . _ : -, got 'ni ke'"),
        (value_with(amount="0"), "amount: a spend event of zero says nothing"),
        (value_with(attributes="top"), "attributes: must be an object"),
        (value_with(attributes={"a": "x" * 2_048}), "attributes: 2057 bytes, at most 2048 are kept"),
    ],
)
def test_a_refusal_is_a_sentence_for_people(value: bytes | None, message: str) -> None:
    assert refused(value)[1] == message


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"event_id": ""}, "event_id"),
        ({"event_id": "x" * 129}, "event_id"),
        ({"event_id": "a\nb"}, "event_id"),
        ({"event_id": "a\u0000b"}, "event_id"),
        ({"event_id": 7}, "event_id"),
        ({"event_id": None}, "event_id"),
        ({"brand_id": ""}, "brand_id"),
        ({"brand_id": "ni ke"}, "brand_id"),
        ({"brand_id": "nike/a"}, "brand_id"),
        ({"brand_id": "x" * 65}, "brand_id"),
        ({"brand_id": "x" * 5_000}, "brand_id"),
        ({"brand_id": "nike\n"}, "brand_id"),
        ({"brand_id": "nikë"}, "brand_id"),
        ({"campaign_id": "x" * 65}, "campaign_id"),
        ({"campaign_id": ["a"]}, "campaign_id"),
        ({"currency": 5}, "currency"),
        ({"occurred_at": 1757322000}, "occurred_at"),
        ({"occurred_at": "2025-09-08T09:00:00"}, "occurred_at"),
        ({"occurred_at": "2025-02-30T09:00:00Z"}, "occurred_at"),
        ({"occurred_at": ""}, "occurred_at"),
        ({"occurred_at": "20250908T090000Z"}, "occurred_at"),
        ({"attributes": [1]}, "attributes"),
        ({"attributes": "x"}, "attributes"),
        ({"attributes": {"a": "x" * 2_048}}, "attributes"),
    ],
)
def test_a_field_that_cannot_be_taken_is_named(fields: dict[str, object], field: str) -> None:
    reason, message = refused(value_with(**fields))
    assert reason is RefusalReason.INVALID_FIELD
    assert message.startswith(f"{field}: ")
    assert len(message) < 250


@pytest.mark.parametrize("field", sorted(GOOD))
def test_a_missing_field_is_named(field: str) -> None:
    value = json.dumps({name: text for name, text in GOOD.items() if name != field}).encode()
    reason, message = refused(value)
    assert reason is RefusalReason.INVALID_FIELD
    assert message.startswith(f"{field}: ")


@pytest.mark.parametrize("value", [b"[]", b"null", b'"text"', b"1", b"true"])
def test_json_that_is_no_object_is_an_invalid_value(value: bytes) -> None:
    assert refused(value)[0] is RefusalReason.INVALID_FIELD


def test_attributes_up_to_two_kibibytes_are_taken() -> None:
    raw = b'{"a":"%s"}' % (b"x" * (2_048 - 8))
    assert len(raw) == 2_048
    value = b'{"event_id":"e1","brand_id":"nike","campaign_id":"a","amount":"1","attributes":%s}'
    assert taken(value % raw).amount_micros == 1_000_000
    assert refused(value % raw.replace(b"x", b"xx", 1))[1].startswith("attributes: 2049 bytes")
    assert taken(value % b'{"a":"\xff"}').amount_micros == 1_000_000  # whoever can keep it


def test_a_value_over_64_kibibytes_is_too_large_and_one_of_64_is_not() -> None:
    empty = len(value_with(padding=""))
    largest = value_with(padding="x" * (MAX_VALUE_BYTES - empty))
    assert len(largest) == MAX_VALUE_BYTES
    assert taken(largest) == taken(value_with())
    assert refused(largest + b" ")[0] is RefusalReason.TOO_LARGE


def nested(depth: int) -> bytes:
    return value_of_amount('"1"')[:-1] + b',"deep":' + b"[" * depth + b"]" * depth + b"}"


def test_depth_is_judged_by_the_bytes_and_not_by_the_callers_stack() -> None:
    """Controller and ledger call from different depths and must refuse the same events."""
    assert taken(nested(255)).event_id == "e1"
    assert deep_in_the_stack(400, lambda: taken(nested(255))).event_id == "e1"
    assert refused(nested(256)) == refused(nested(30_000)) == deep_in_the_stack(400, lambda: refused(nested(256)))
    assert refused(nested(256))[0] is RefusalReason.NOT_JSON


def test_what_lies_side_by_side_is_not_deep() -> None:
    flat = value_of_amount('"1"')[:-1] + b',"flat":[' + b"[]," * 300 + b"0]}"
    assert taken(flat) == taken(value_of_amount('"1"'))
    beside = nested(255)[:-1] + b',"beside":[]}'
    assert taken(beside) == taken(value_of_amount('"1"'))


def deep_in_the_stack(depth: int, call: Callable[[], Result]) -> Result:
    assert depth < sys.getrecursionlimit()
    return call() if depth == 0 else deep_in_the_stack(depth - 1, call)


def test_brackets_in_strings_are_no_depth() -> None:
    assert taken(value_with(note='"[{' * 1_000)).event_id == "e1"


def test_printable_event_ids_of_any_script_are_taken() -> None:
    assert taken(value_with(event_id="é-\u0661 " + "x" * 124)).event_id == "é-\u0661 " + "x" * 124


@pytest.mark.parametrize(("text", "valid"), [("a", True), ("A.b_c:d-9", True), ("x" * 64, True), ("a b", False)])
def test_ids_are_of_a_small_alphabet(text: str, valid: bool) -> None:
    assert valid_id(text) is valid


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_a_spend_or_a_refusal(value: bytes) -> None:
    assert isinstance(read_spend(value), (Spend, Refusal))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "currency", "occurred_at", "attributes"]), json_values))
def test_any_fields_are_a_spend_or_a_refusal_that_names_one(fields: dict[str, object]) -> None:
    outcome = read_spend(value_with(**fields))
    if isinstance(outcome, Refusal):
        field, separator, _ = outcome.message.partition(": ")
        assert separator
        assert field in {*fields, "the value is not JSON"}


@pytest.mark.parametrize("half", [rb"\ud83d", rb"\uDE00", rb"\ud83dx", rb"\\\ud83d", rb"\ude00\ud83d"])
def test_half_an_emoji_refuses_no_money_where_nobody_reads_it_and_is_no_name(half: bytes) -> None:
    event = b'{"event_id":"%s","brand_id":"nike","campaign_id":"a","amount":"1","attributes":{"n":"%s"},"x":["%s"]}'
    assert taken(event % (b"e", half, half)).event_id == "e"
    assert isinstance(read_spend(event % (half, b"n", b"x")), Refusal)
    assert isinstance(read_spend(event % (b"e", half, b'"')), Refusal)


def test_a_whole_emoji_and_a_written_backslash_stay_what_they_are() -> None:
    event = rb'{"event_id":"\ud83d\ude00\\ud83d","brand_id":"nike","campaign_id":"a","amount":"1","x":"\ud83d"}'
    assert taken(event).event_id == "\N{GRINNING FACE}\\ud83d"
