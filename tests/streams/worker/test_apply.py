"""What the intake says of records that are not refused but odd."""

import json

import pytest
from aiokafka import ConsumerRecord
from structlog.testing import capture_logs

from core.duplicates import DuplicateWindow
from core.moment import parse_moment
from core.partitioner import partition_of
from core.state import PartitionState
from streams.dead_letters.outbox import REASON_HEADER, Outbox
from streams.kafka.topics import Topic
from streams.worker.apply import RecordApplier
from tests.streams.broker import spend_event

NOON = parse_moment("2025-09-08T12:00:00Z")


@pytest.fixture
def record_applier() -> RecordApplier:
    return RecordApplier(PartitionState(0, DuplicateWindow(10)), Outbox(), partitions=1, given_times=True)


def test_a_campaign_that_the_catalog_does_not_know_is_told_once_not_for_each_of_its_events(
    record_applier: RecordApplier,
) -> None:
    brand = {"kind": "brand", "brand_id": "nike", "version": 1, "currency": "USD"}
    record_applier.apply(Topic.CATALOG, record({**brand, "zones": [{"time_zone": "UTC", "from": None}]}), NOON)
    with capture_logs() as logs:
        for number in range(3):
            for campaign in ("new", "newer"):
                event = spend_event("nike", campaign, "1", f"{campaign}-{number}")
                assert record_applier.apply(Topic.SPEND_EVENTS, record(event), NOON)
    observed = [(it["event"], it["campaign_id"]) for it in logs]
    assert observed == [("unknown_campaign", "new"), ("unknown_campaign", "newer")]


def record(value: object) -> ConsumerRecord:
    return ConsumerRecord("any", 0, 0, NOON, 0, b"nike", json.dumps(value).encode(), None, 4, 0, ())


def test_a_record_whose_letter_cannot_be_built_is_kept_without_its_headers(record_applier: RecordApplier) -> None:
    """Whatever the parts of a record are: its refusal ends no process, and the next record is counted."""
    odd = ConsumerRecord("any", 0, 7, NOON, 0, b"nike", b"not json", None, 4, 0, (("name",),))
    for topic in (Topic.SPEND_EVENTS, Topic.SPEND_CORRECTIONS):
        assert record_applier.apply(topic, odd, NOON)
        (letter,) = record_applier._outbox.take()
        assert (letter.topic, letter.key, letter.value) == (Topic.DEAD_LETTERS, b"nike", b"not json")
        assert (REASON_HEADER, b"not_json") in letter.headers


def test_a_record_that_makes_no_letter_at_all_is_passed_with_an_alarm(record_applier: RecordApplier) -> None:
    """Neither the letter nor the bare one: the record is named in the log, and the next one is decided."""
    odd = ConsumerRecord("any", 0, 7, NOON, 0, 5, b"not json", None, 4, 0, (("name",),))
    for topic in (Topic.SPEND_EVENTS, Topic.SPEND_CORRECTIONS):
        with capture_logs() as logs:
            assert record_applier.apply(topic, odd, NOON)
        assert [(it["event"], it["offset"]) for it in logs] == [("undecidable", 7)] * 2
        assert record_applier._outbox.take() == []
        assert record_applier._outbox.size == 0
    assert record_applier.apply(Topic.SPEND_EVENTS, record("not an event"), NOON)
    assert len(record_applier._outbox.take()) == 1


@pytest.mark.parametrize("key", [None, b"", b"adidas", b"nike "])
def test_a_brand_whose_key_was_right_before_is_still_asked_for_it(
    record_applier: RecordApplier, key: bytes | None
) -> None:
    brand = {"kind": "brand", "brand_id": "nike", "version": 1, "currency": "USD"}
    record_applier.apply(Topic.CATALOG, record({**brand, "zones": [{"time_zone": "UTC", "from": None}]}), NOON)
    value = json.dumps(spend_event("nike", "c", "1", "first")).encode()
    for _ in range(2):
        assert record_applier.apply(Topic.SPEND_EVENTS, record(spend_event("nike", "c", "1", "first")), NOON)
    assert not record_applier._outbox.take()
    assert record_applier.apply(
        Topic.SPEND_EVENTS, ConsumerRecord("any", 0, 1, NOON, 0, key, value, None, 0, 0, ()), NOON
    )
    (copy,) = record_applier._outbox.take()
    assert (copy.topic, copy.key, copy.value) == (Topic.SPEND_EVENTS, b"nike", value)


def test_brands_that_nobody_knows_take_no_memory(record_applier: RecordApplier) -> None:
    for number in range(100):
        event = json.dumps(spend_event(f"brand-{number}", "c", "1", "e")).encode()
        key = f"brand-{number}".encode()
        assert record_applier.apply(
            Topic.SPEND_EVENTS,
            ConsumerRecord("any", 0, number, NOON, 0, key, event, None, 0, 0, ()),
            NOON,
            catalog_complete=True,
        )
    assert not record_applier._state.brands


def test_spend_of_a_brand_without_a_document_goes_to_its_own_partition() -> None:
    """State of an older release may have a campaign whose brand belongs to another partition."""
    elsewhere = PartitionState(1 - partition_of("nike", 2), DuplicateWindow(10))
    elsewhere.brand("nike")
    applier = RecordApplier(elsewhere, Outbox(), partitions=2, given_times=True)
    assert applier.apply(Topic.SPEND_EVENTS, record(spend_event("nike", "c", "1", "e")), NOON, catalog_complete=True)
    (copy,) = applier._outbox.take()
    assert (copy.topic, copy.partition) == (Topic.SPEND_EVENTS, partition_of("nike", 2))
