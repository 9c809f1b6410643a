"""A connection over TLS is closed at once, whatever its broker does."""

import asyncio
import signal

import psutil
from aiokafka.client import AIOKafkaClient

from local.kafka import LocalKafka
from streams.kafka.metadata import topic_facts
from streams.kafka.options import client_options
from streams.settings import Settings

CLOSED_SECONDS = 5


async def test_closing_does_not_wait_for_a_broker_that_stands_still(secured_kafka: LocalKafka) -> None:
    client = AIOKafkaClient(**client_options(Settings(**secured_kafka.client_settings)))
    await client.bootstrap()
    await topic_facts(client, [])
    assert secured_kafka.process
    secured_kafka.process.send_signal(signal.SIGSTOP)
    try:
        while psutil.Process(secured_kafka.process.pid).status() != psutil.STATUS_STOPPED:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(CLOSED_SECONDS):
            await client.close()
    finally:
        secured_kafka.process.send_signal(signal.SIGCONT)


async def test_a_closed_connection_is_gone_before_the_broker_can_answer(secured_kafka: LocalKafka) -> None:
    client = AIOKafkaClient(**client_options(Settings(**secured_kafka.client_settings)))
    await client.bootstrap()
    await topic_facts(client, [])
    [connection] = client._conns.values()
    closed = connection.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert closed.done()
    await client.close()
