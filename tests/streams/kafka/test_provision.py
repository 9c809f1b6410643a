"""What is asked of a cluster before a process starts."""

from typing import Any

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.metadata import MetadataRequest

from streams.kafka.provision import create_topics
from streams.settings import Settings
from streams.worker.run import check_cluster


async def test_the_checks_of_a_start_ask_for_no_topics_of_others(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster may have thousands, and each start of a worker would read about all their partitions."""
    asked: list[list[str] | None] = []
    send = AIOKafkaConnection.send

    def noted(self: Any, request: Any, *args: Any, **named: Any) -> Any:
        if isinstance(request, MetadataRequest):
            asked.append(request._topics)
        return send(self, request, *args, **named)

    await create_topics(settings)
    monkeypatch.setattr(AIOKafkaConnection, "send", noted)
    await check_cluster(settings)
    assert asked
    assert None not in asked  # all of them
