"""The status where a part of it cannot be read."""

import asyncio

import pytest

from core.errors import ConfigurationError
from local.kafka import LocalKafka
from operations import status
from streams.kafka.provision import create_topics
from streams.setting_kinds import Secret
from streams.settings import Settings


async def test_nothing_goes_on_where_a_part_of_the_status_fails(
    kafka: LocalKafka, topic_prefix: str, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a command would cancel it, and leave the connection open that it is opening."""

    async def refused(_: Settings) -> None:
        raise ConfigurationError("The user may not read it.")

    monkeypatch.setattr(status, "_last_tick", refused)
    settings = Settings(
        brokers=kafka.brokers, database_url=Secret(migrated_url), topic_prefix=topic_prefix, partitions=1
    )
    await create_topics(settings)
    with pytest.raises(ConfigurationError, match="may not read it"):
        await status.read_status(settings)
    assert asyncio.all_tasks() == {asyncio.current_task()}
