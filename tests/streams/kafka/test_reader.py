"""The order in which records of several partitions are handed out, and what the ends of other topics cost."""

from typing import Any

import pytest
from aiokafka import ConsumerRecord
from aiokafka.client import AIOKafkaClient

from streams.kafka.provision import create_topics
from streams.kafka.reader import merged, topic_reader
from streams.kafka.topics import ALL_TOPICS, Topic
from streams.settings import Settings


def test_a_partition_keeps_its_order_also_where_its_times_go_back() -> None:
    """The clock of whoever wrote it may have been set back, or another machine took the partition over."""
    first = [record(0, 0, 50), record(0, 1, 10), record(0, 2, 60)]
    second = [record(1, 0, 20), record(1, 1, 55)]
    found = merged([first, second])
    assert [it for it in found if it.partition == 0] == first
    assert [it for it in found if it.partition == 1] == second


def test_of_several_partitions_the_oldest_goes_first() -> None:
    found = merged([[record(0, 0, 10), record(0, 1, 40)], [record(1, 0, 20), record(1, 1, 30)]])
    assert [it.timestamp for it in found] == [10, 20, 30, 40]


async def test_the_ends_of_all_topics_are_one_question_about_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question waits behind a fetch: one for each topic took longer than a broker may be silent."""
    await create_topics(settings)
    asked: list[int] = []
    update = AIOKafkaClient._metadata_update

    async def counted(self: Any, cluster: Any, topics: Any) -> Any:
        asked.append(len(topics))
        return await update(self, cluster, topics)

    async with topic_reader(settings, Topic.CONTROLLER_STATE) as reader:
        monkeypatch.setattr(AIOKafkaClient, "_metadata_update", counted)
        ends = await reader.ends_with(ALL_TOPICS)
    assert asked == [len(ALL_TOPICS)]
    assert all(offset == 0 for of_topic in ends.values() for offset in of_topic.values())


def record(partition: int, offset: int, timestamp: int) -> ConsumerRecord:
    return ConsumerRecord("controller-state", partition, offset, timestamp, 0, b"key", b"value", None, 3, 5, ())
