"""What the intake says of records that are not refused but odd."""

import json

import pytest
from aiokafka import ConsumerRecord
from structlog.testing import capture_logs

from streams.core.duplicates import DuplicateWindow
from streams.core.moment import parse_moment
from streams.core.state import PartitionState
from streams.dead_letters import Outbox
from streams.intake import Intake
from streams.topics import Topic
from tests.streams.broker import spend_event

NOON = parse_moment("2025-09-08T12:00:00Z")


@pytest.fixture
def intake() -> Intake:
    return Intake(PartitionState(0, DuplicateWindow(10)), Outbox(), partitions=1, given_times=True)


def test_a_campaign_that_the_catalog_does_not_know_is_told_once_not_for_each_of_its_events(intake: Intake) -> None:
    brand = {"kind": "brand", "brand_id": "nike", "version": 1, "currency": "USD"}
    intake.apply(Topic.CATALOG, record({**brand, "zones": [{"time_zone": "UTC", "from": None}]}), NOON)
    with capture_logs() as logs:
        for number in range(3):
            for campaign in ("new", "newer"):
                event = spend_event("nike", campaign, "1", f"{campaign}-{number}")
                assert intake.apply(Topic.SPEND_EVENTS, record(event), NOON)
    told = [(it["event"], it["campaign_id"]) for it in logs]
    assert told == [("unknown_campaign", "new"), ("unknown_campaign", "newer")]


def record(value: object) -> ConsumerRecord:
    return ConsumerRecord("any", 0, 0, NOON, 0, b"nike", json.dumps(value).encode(), None, 4, 0, ())
