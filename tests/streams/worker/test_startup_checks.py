"""What a worker compares before it decides: a partition's state, settings, and what the broker has. Needs no
services."""

import pytest

from core.catalog import read_brand_config
from core.duplicates import DuplicateWindow
from core.errors import ConfigurationError
from core.partitioner import partition_of
from core.refusal import Refusal
from core.state import PartitionState
from core.state_records import PartRecord
from streams.kafka.topics import ALL_TOPICS, INPUTS, Topic
from streams.settings import Settings
from streams.worker.startup_checks import Committed, OnBroker, check_brands, check_positions


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


@pytest.mark.parametrize("brands", [20, 3_500])
def test_partitions_that_were_added_are_noticed_also_where_not_every_brand_is_looked_at(brands: int) -> None:
    state, number = PartitionState(1, DuplicateWindow(1)), 0
    while len(state.brands) < brands:
        number += 1
        brand_id = f"brand-{number}"
        if partition_of(brand_id, 3) == state.partition:
            config = read_brand_config(
                brand_id,
                b'{"brand_id":"%b","version":1,"currency":"USD","zones":[{"time_zone":"UTC"}]}' % brand_id.encode(),
            )
            assert not isinstance(config, Refusal)
            state.brand(brand_id).config = config
    check_brands(state, Settings(partitions=3))
    for partitions in (4, 6):  # of 6, half of the brands stay where they are
        with pytest.raises(ConfigurationError, match="whose key now leads to partition"):
            check_brands(state, Settings(partitions=partitions))
