"""Lets aiokafka's clients use the bootstrap addresses again when no known broker answers (KIP-899).

By default a client requests metadata only from brokers of the last response. When all of them have moved to other
addresses, it asks the old ones for ever. Consumers, producers and admin clients make their client themselves, so one
method is replaced for all of them. A broker that does not answer soon is passed over: by default it is waited for 40 s,
while others know the leaders that a frozen one has lost.

A connection that is lost during the lookup of a coordinator raises "node not ready", after which the client repeats the
lookup; otherwise a transactional producer would fail permanently.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError
from aiokafka.protocol.metadata import MetadataRequest

from streams.kafka.any_broker import any_answer

__all__ = ["install"]

#: Of a bootstrap address, to which no connection is open yet.
_CONNECTED_SECONDS: Final = 10.0

_look_up_coordinator: Final = AIOKafkaClient.coordinator_lookup


def install() -> None:
    """Replace the methods for every client of this process, existing ones too; a second call changes nothing."""
    AIOKafkaClient._metadata_update = _ask_known_brokers_or_bootstrap
    AIOKafkaClient.coordinator_lookup = _look_up_coordinator_again


async def _ask_known_brokers_or_bootstrap(client: AIOKafkaClient, cluster: Any, topics: Any) -> bool:
    metadata = await any_answer(client, _request(topics), _names_brokers)
    if metadata is None:
        metadata = await _ask_bootstrap(client, topics)
    if metadata is None:
        return False
    cluster.update_metadata(metadata)
    return True


async def _ask_bootstrap(client: AIOKafkaClient, topics: Any) -> Any:
    for host, port, _ in client.hosts:
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_CONNECTED_SECONDS):
                metadata = await _ask(client, host, port, topics)
            if _names_brokers(metadata):
                return metadata
    return None


def _names_brokers(metadata: Any) -> bool:
    """A broker that has just begun may not know any."""
    return bool(metadata.brokers)


def _request(topics: Any) -> MetadataRequest:
    return MetadataRequest(list(topics) if topics else None)


async def _look_up_coordinator_again(client: AIOKafkaClient, kind: Any, key: Any) -> Any:
    try:
        return await _look_up_coordinator(client, kind, key)
    except KafkaConnectionError as error:
        raise NodeNotReadyError(f"the connection was lost: {error}") from error


async def _ask(client: AIOKafkaClient, host: str, port: int, topics: Any) -> Any:
    connection = await create_conn(
        host,
        port,
        client_id=client._client_id,
        request_timeout_ms=client._request_timeout_ms,
        ssl_context=client._ssl_context,
        security_protocol=client._security_protocol,
        max_idle_ms=client._connections_max_idle_ms,
        sasl_mechanism=client._sasl_mechanism,
        sasl_plain_username=client._sasl_plain_username,
        sasl_plain_password=client._sasl_plain_password,
        sasl_kerberos_service_name=client._sasl_kerberos_service_name,
        sasl_kerberos_domain_name=client._sasl_kerberos_domain_name,
        sasl_oauth_token_provider=client._sasl_oauth_token_provider,
    )
    try:
        return await connection.send(_request(topics))
    finally:
        connection.close()
