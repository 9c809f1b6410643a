"""Positions of a partition, worked out from its state and from what the broker has. Needs no services."""

from core.state_records import PartRecord
from streams.kafka.topics import ALL_TOPICS, INPUTS, Topic
from streams.worker.startup_checks import Committed, OnBroker, check_positions


def test_an_input_that_an_older_release_did_not_read_is_read_from_its_beginning() -> None:
    ids = {topic.value: f"id of {topic}" for topic in ALL_TOPICS}
    older = [topic for topic in INPUTS if topic is not Topic.SPEND_SNAPSHOTS]
    part = PartRecord(
        1,
        {topic.value: ids[topic] for topic in ALL_TOPICS if topic is not Topic.SPEND_SNAPSHOTS},
        {topic.value: 10 for topic in older},
        0,
    )
    found = OnBroker(
        ids,
        dict.fromkeys((*older, Topic.CONTROLLER_STATE), 0) | {Topic.SPEND_SNAPSHOTS: 2},
        dict.fromkeys(INPUTS, 20),
        {topic: Committed(10 if topic in older else -1) for topic in INPUTS},
    )
    assert check_positions(0, part, found) == dict.fromkeys(older, 10) | {Topic.SPEND_SNAPSHOTS: 2}
