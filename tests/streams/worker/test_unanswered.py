"""What is said of a topic partition that does not answer. Needs no services: nothing answers."""

import asyncio
from typing import cast

import pytest

from streams.kafka.topics import Topic
from streams.worker import unanswered
from streams.worker.offset_queries import NO_LEADER, OffsetQueries, TopicAndPartition

TOPIC_PARTITION: TopicAndPartition = (Topic.CATALOG, 3)


class Silent:
    def __init__(self, leader: int | None) -> None:
        self._leader = leader

    async def high_watermarks(self, topic_partitions: object) -> None:
        await asyncio.Event().wait()

    async def end(self, *topic_partition: object) -> None:
        await asyncio.Event().wait()

    def leader(self, topic_partition: TopicAndPartition) -> int | None:
        return self._leader


@pytest.mark.parametrize(
    ("leader", "cause"),
    [
        (NO_LEADER, "has no leader"),
        (2, "has a leader that does not answer"),
        (None, "is known to no broker that answers"),
    ],
)
async def test_a_leader_that_is_not_known_is_told_from_one_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, leader: int | None, cause: str
) -> None:
    monkeypatch.setattr(unanswered, "_TOGETHER_SECONDS", 0.01)
    monkeypatch.setattr(unanswered, "_CHECK_SECONDS", 0.01)
    offsets = cast(OffsetQueries, Silent(leader))
    assert await unanswered.silent_partitions(offsets, [TOPIC_PARTITION]) == {TOPIC_PARTITION: cause}
