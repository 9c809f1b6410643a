"""A dead letter read back is its original, and what stands in the way of a replay is told. Without a broker."""

import json

import pytest
from aiokafka import ConsumerRecord

from core.acceptance import Tolerance
from core.decide import decide_spend
from core.moment import HOUR, parse_moment
from core.refusal import Refusal, RefusalReason
from core.spend import Spend, read_spend
from core.verdict import Verdict
from streams.dead_letters.dead_letter import DeadLetter, read_dead_letter
from streams.dead_letters.outbox import (
    ARRIVAL_HEADER,
    REPLAYED_HEADER,
    REROUTED_HEADER,
    Outbox,
    arrival_of,
    is_from_ledger,
)
from streams.dead_letters.redelivery import RedeliveryTarget, redelivery_headers, redelivery_obstacle, redelivery_target
from streams.kafka.headers import Headers
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.core.scenario import check

SETTINGS = Settings(topic_prefix="x-")
ARRIVED = parse_moment("2025-09-08T20:00:00Z")
REFUSED = ARRIVED + 60_000
TOLERANCE = Tolerance(300_000, 72 * HOUR)
#: Where the letters of these tests lie.
REPLAYED = (REPLAYED_HEADER, b"3/14")
EVENT = {"event_id": "e", "brand_id": "nike", "campaign_id": "c", "amount": "1.00"}
CORRECTION = {
    "correction_id": "k",
    "brand_id": "nike",
    "campaign_id": "c",
    "amount": "1.00",
    "booked_on": "2025-09-08",
    "opening": False,
    "reason": "",
}


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("trace", b"\xff\x00"), ("empty", b"")),
        (("__streams.errors.exception", b"theirs"), ("__streams.errors.topic", b"t"), ("spendgate-reason", b"theirs")),
        ((REROUTED_HEADER, b"t/1/2"), (ARRIVAL_HEADER, b"2025-09-08T19:00:00Z")),
    ],
)
def test_the_original_is_read_back_byte_for_byte_also_when_its_headers_are_named_like_ours(headers: Headers) -> None:
    original = record(b"\xff value", headers=headers, key=b"\xfe")
    letter = read_dead_letter(refused(original, RefusalReason.NOT_JSON))
    assert (letter.key, letter.value, letter.headers) == (original.key, original.value, headers)
    assert (letter.reason, letter.message) == ("not_json", "because")
    assert (letter.original_topic, letter.original_partition, letter.original_offset) == ("x-spend-events", 3, 14)


def test_a_letter_that_is_refused_again_and_again_gathers_nothing() -> None:
    original = record(json.dumps(EVENT).encode(), headers=(("trace", b"1"),))
    first = read_dead_letter(refused(original, RefusalReason.UNKNOWN_BRAND))
    copy = record(first.value, headers=redelivery_headers(first, TOLERANCE), at=REFUSED)
    second = read_dead_letter(refused(copy, RefusalReason.UNKNOWN_BRAND))
    assert (
        redelivery_headers(second, TOLERANCE)
        == redelivery_headers(first, TOLERANCE)
        == (("trace", b"1"), REPLAYED, (ARRIVAL_HEADER, b"2025-09-08T20:00:00Z"))
    )


def test_a_reroutes_arrival_goes_on_and_its_mark_does_not() -> None:
    headers = ((REROUTED_HEADER, b"t/1/2"), (ARRIVAL_HEADER, b"2025-09-08T19:00:00Z"), ("trace", b"1"))
    letter = read_dead_letter(refused(record(b"{}", headers=headers), RefusalReason.MISPLACED))
    observed = redelivery_headers(letter, TOLERANCE)
    assert observed == (("trace", b"1"), REPLAYED, (ARRIVAL_HEADER, b"2025-09-08T19:00:00Z"))


def test_only_what_a_replay_has_sent_is_from_the_ledger_also_when_it_was_refused_and_goes_back() -> None:
    for mark, expected in (((), False), (((REPLAYED_HEADER, b"7"),), True)):
        letter = read_dead_letter(refused(record(b"{}", headers=mark), RefusalReason.UNKNOWN_BRAND))
        headers = redelivery_headers(letter, TOLERANCE)
        assert REPLAYED in headers
        assert is_from_ledger(record(b"{}", headers=headers)) is expected


def test_what_was_dated_ahead_of_its_arrival_arrives_anew() -> None:
    letter = read_dead_letter(refused(record(b"{}"), RefusalReason.OCCURRED_IN_FUTURE))
    assert redelivery_headers(letter, TOLERANCE) == (REPLAYED,)


@pytest.mark.parametrize("reason", [RefusalReason.UNKNOWN_BRAND, RefusalReason.OCCURRED_IN_FUTURE])
def test_a_letter_of_any_reason_is_judged_by_the_arrival_that_its_copy_has(reason: RefusalReason) -> None:
    """Dated 10 minutes after its arrival, it would be refused again for that arrival, however late it is replayed."""
    value = json.dumps(EVENT | {"occurred_at": "2025-09-08T20:10:00Z"}).encode()
    letter, later = letter_of(value, reason), ARRIVED + 3_600_000
    early = redelivery_obstacle(letter, Topic.SPEND_EVENTS, {"nike": "USD"}, REFUSED, TOLERANCE)
    assert early == "It is dated 2025-09-08T20:10:00Z: wait until then."
    assert redelivery_obstacle(letter, Topic.SPEND_EVENTS, {"nike": "USD"}, later, TOLERANCE) is None
    copy = record(value, headers=redelivery_headers(letter, TOLERANCE), at=later)
    assert decided(copy) is Verdict.COUNTED_FOR_UNKNOWN_CAMPAIGN


def test_what_was_too_early_goes_back_with_its_arrival_once_more_days_are_taken() -> None:
    value = json.dumps(EVENT | {"occurred_at": "2025-09-05T19:59:59.999Z"}).encode()
    letter = letter_of(value, RefusalReason.OCCURRED_TOO_EARLY)
    against = redelivery_obstacle(letter, Topic.SPEND_EVENTS, {"nike": "USD"}, REFUSED, TOLERANCE)
    assert against is not None
    assert "PAST_TOLERANCE_DAYS" in against
    more = TOLERANCE._replace(behind_ms=96 * HOUR)
    assert redelivery_obstacle(letter, Topic.SPEND_EVENTS, {"nike": "USD"}, REFUSED + 960 * HOUR, more) is None
    assert redelivery_headers(letter, more) == (REPLAYED, (ARRIVAL_HEADER, b"2025-09-08T20:00:00Z"))


def decided(copy: ConsumerRecord) -> Verdict | Refusal:
    """What the controller makes of the copy."""
    scenario = check("""
        day 2025-09-08
        09:00 brand nike zone=UTC
    """)
    spend = read_spend(copy.value)
    assert isinstance(spend, Spend)
    return decide_spend(scenario.state, spend, copy.topic, copy.offset, arrival_of(copy))


def test_a_letter_that_does_not_tell_the_arrival_has_its_own() -> None:
    written = refused(record(b"{}"), RefusalReason.UNKNOWN_BRAND)
    before = [header for header in written.headers if header[0] != ARRIVAL_HEADER]
    assert read_dead_letter(record(b"{}", headers=tuple(before), at=REFUSED)).arrived_at == REFUSED


@pytest.mark.parametrize("timestamp", [2**62, -(2**62), -1])
def test_a_forged_time_is_none(timestamp: int) -> None:
    letter = read_dead_letter(refused(record(b"{}", at=timestamp), RefusalReason.ARRIVAL_IN_FUTURE, at=timestamp))
    assert (letter.refused_at, letter.reason) == (0, "arrival_in_future")


@pytest.mark.parametrize("value", [b"", None, b"[]", b"\xff", b'{"brand_id":7}', b"[" * 60_000, b'{"brand_id":"a b"}'])
def test_what_names_no_brand_has_no_way_back(value: bytes | None) -> None:
    way = redelivery_target(letter_of(value), SETTINGS)
    assert isinstance(way, str)
    assert "names no brand" in way


def test_a_brand_is_found_beside_an_event_id_that_is_none() -> None:
    assert redelivery_target(letter_of(b'{"brand_id":"nike","event_id":7}'), SETTINGS) == RedeliveryTarget(
        Topic.SPEND_EVENTS, "nike"
    )


def test_what_came_from_another_topic_or_from_nowhere_has_no_way_back() -> None:
    for headers in ((), refused(record(b"{}", topic="y-spend-events"), RefusalReason.NOT_JSON).headers):
        assert "no topic of this installation" in str(
            redelivery_target(read_dead_letter(record(b"{}", headers=headers)), SETTINGS)
        )


def test_a_correction_goes_back_to_the_corrections() -> None:
    original = record(json.dumps(CORRECTION).encode(), topic="x-spend-corrections")
    letter = read_dead_letter(refused(original, RefusalReason.UNKNOWN_BRAND))
    assert redelivery_target(letter, SETTINGS) == RedeliveryTarget(Topic.SPEND_CORRECTIONS, "nike")
    assert redelivery_obstacle(letter, Topic.SPEND_CORRECTIONS, {"nike": "USD"}, REFUSED, TOLERANCE) is None
    assert (
        redelivery_obstacle(letter, Topic.SPEND_CORRECTIONS, {}, REFUSED, TOLERANCE)
        == "There is no brand nike: add it first."
    )


@pytest.mark.parametrize(
    ("change", "reason", "observed"),
    [
        ({}, "unknown_brand", None),
        ({}, "amount_zero", None),  # judged by what the value says, not by what was said of it
        ({"amount": "0"}, "amount_zero", "would be refused again (amount: a spend event of zero says nothing)"),
        ({"amount": "0.0000001"}, "amount_precision", "would be refused again"),
        ({"campaign_id": "a b"}, "invalid_field", "would be refused again (campaign_id: "),
        ({"currency": "USD"}, "currency_mismatch", None),
        ({"currency": "EUR"}, "currency_mismatch", "It is in EUR, the brand nike in USD."),
        ({"brand_id": "puma"}, "unknown_brand", "There is no brand puma: add it first."),
        ({"occurred_at": "2025-09-08T20:06:00Z"}, "occurred_in_future", None),
        ({"occurred_at": "2025-09-08T20:06:00.001Z"}, "occurred_in_future", "wait until then"),
        ({}, "not_storable", "The controller has counted it"),
    ],
)
def test_what_would_be_refused_again_is_told(change: dict[str, str], reason: str, observed: str | None) -> None:
    letter = letter_of(json.dumps(EVENT | change).encode(), RefusalReason(reason))
    against = redelivery_obstacle(letter, Topic.SPEND_EVENTS, {"nike": "USD"}, REFUSED, TOLERANCE)
    assert (against is None) if observed is None else (against is not None and observed in against)


def letter_of(value: bytes | None, reason: RefusalReason = RefusalReason.UNKNOWN_BRAND) -> DeadLetter:
    return read_dead_letter(refused(record(value), reason))


def refused(original: ConsumerRecord, reason: RefusalReason, *, at: int = REFUSED) -> ConsumerRecord:
    """The letter as the controller writes it, on its topic."""
    outbox = Outbox()
    outbox.dead_letter(original, Refusal(reason, "because"))
    [out] = outbox.take()
    return record(out.value, headers=out.headers, key=out.key, topic="x-spend-events.dlq", at=at)


def record(
    value: bytes | None,
    *,
    headers: Headers = (),
    key: bytes | None = None,
    topic: str = "x-spend-events",
    at: int = ARRIVED,
) -> ConsumerRecord:
    return ConsumerRecord(topic, 3, 14, at, 0, key, value, None, 0, 0, headers)


@pytest.mark.parametrize(
    ("header", "expected"), [("spendgate-value-length", "of its value"), ("spendgate-key-length", "of its key")]
)
def test_a_letter_that_was_cut_does_not_go_back(header: str, expected: str) -> None:
    """Also where the part that is left reads like an event."""
    original = refused(record(json.dumps(EVENT).encode()), RefusalReason.UNKNOWN_BRAND)
    letter = read_dead_letter(record(original.value, headers=(*original.headers, (header, b"70000"))))
    against = redelivery_obstacle(letter, Topic.SPEND_EVENTS, {"nike": "USD"}, REFUSED, TOLERANCE)
    assert against is not None
    assert "70000 bytes" in against
    assert expected in against
    theirs = refused(record(json.dumps(EVENT).encode(), headers=((header, b"70000"),)), RefusalReason.UNKNOWN_BRAND)
    whole = read_dead_letter(theirs)
    assert redelivery_obstacle(whole, Topic.SPEND_EVENTS, {"nike": "USD"}, REFUSED, TOLERANCE) is None
