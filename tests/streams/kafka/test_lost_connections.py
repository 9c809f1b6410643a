"""A connection that is gone is a lost connection to who writes on it, also where uvloop runs."""

import asyncio

import pytest
import uvloop
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from local.kafka import LocalKafka
from streams.kafka.metadata import topic_facts
from streams.kafka.options import client_options
from streams.settings import Settings


def test_writing_on_a_connection_that_has_gone_is_a_lost_connection(kafka: LocalKafka) -> None:
    async def lose_it() -> None:
        client = AIOKafkaClient(**client_options(Settings(brokers=kafka.brokers)))
        await client.bootstrap()
        try:
            await topic_facts(client, [])
            [connection] = client._conns.values()
            connection._writer.transport.abort()
            await asyncio.sleep(0)
            with pytest.raises(KafkaConnectionError):
                await connection.send(MetadataRequest([]))
            await topic_facts(client, [])
        finally:
            await client.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(lose_it())
