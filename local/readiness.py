"""Whether a Kafka broker answers: one Metadata request over a plain socket, because clients need an event loop."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

METADATA, VERSION, CORRELATION_ID = 3, 4, 7
CLIENT = b"spendgate-ready"


def serves(host: str, port: int) -> bool:
    """True when the broker lists itself, that is, when it is registered with the controller."""
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.settimeout(2)
            connection.sendall(_request())
            size = struct.unpack(">i", _read(connection, 4))[0]
            correlation_id, _throttle_ms, brokers = struct.unpack(">iii", _read(connection, size)[:12])
    except (OSError, EOFError, struct.error):
        return False
    return bool(correlation_id == CORRELATION_ID and brokers > 0)


def serves_secured(client_settings: Mapping[str, Any]) -> bool:
    """Whether a secured broker answers, asked through aiokafka, which does TLS and SASL."""
    host, _, port = client_settings["brokers"].partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    with ThreadPoolExecutor(1) as executor:  # the caller may run in an event loop
        return executor.submit(asyncio.run, _knows_a_broker(client_settings)).result()


async def _knows_a_broker(client_settings: Mapping[str, Any]) -> bool:
    from aiokafka.client import AIOKafkaClient
    from aiokafka.errors import KafkaError

    from streams.kafka.options import client_options
    from streams.settings import Settings

    client = AIOKafkaClient(**client_options(Settings(**client_settings)), request_timeout_ms=2000)
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except KafkaError:
        return False
    finally:
        await client.close()


def _request() -> bytes:
    header = struct.pack(">hhih", METADATA, VERSION, CORRELATION_ID, len(CLIENT)) + CLIENT
    body = struct.pack(">i?", 0, False)  # no topics, create none
    return struct.pack(">i", len(header + body)) + header + body


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data
