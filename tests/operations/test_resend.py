"""All last commands told again to a topic that does not take one of them."""

import pytest

from core.errors import TooLarge
from local.kafka import LocalKafka
from models.tables.control_log import ControlLog
from operations import resend
from operations.resend import resend_all
from streams.kafka.reader import topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.streams.topic_changes import limit
from tests.topics import make_topics


@pytest.fixture
async def settings(kafka: LocalKafka, topic_prefix: str) -> Settings:
    made = Settings(brokers=kafka.brokers, topic_prefix=topic_prefix, partitions=2)
    await make_topics(made, Topic.CAMPAIGN_CONTROL)
    return made


def row(number: int, size: int = 100) -> ControlLog:
    return ControlLog(campaign_id=f"c{number}", epoch=1, sequence=1, value=b"x" * size)


async def test_a_command_that_the_topic_does_not_take_is_told_and_keeps_no_other_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend, "_SENT_AT_ONCE", 10)
    await limit(settings, Topic.CAMPAIGN_CONTROL, 3_000)
    rows = [row(number, 4_000 if number == 3 else 100) for number in range(45)]
    with pytest.raises(TooLarge, match=r"does not take a record of \d+ bytes: give it a larger max.message.bytes"):
        await resend_all(settings, rows, dry_run=False)
    async with topic_reader(settings, Topic.CAMPAIGN_CONTROL) as reader:
        keys = {record.key async for record in reader.to_end()}
    assert keys == {f"c{number}".encode() for number in range(45)} - {b"c3"}
