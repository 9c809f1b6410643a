"""Lets aiokafka's clients use the bootstrap addresses again when no known broker answers (KIP-899).

By default a client requests metadata only from brokers of the last response. When all of them have moved to other
addresses, it asks the old ones for ever. Consumers, producers and admin clients make their client themselves, so one
method is replaced for all of them. A broker that does not answer soon is passed over: by default it is waited for 40 s,
while others know the leaders that a frozen one has lost.

A connection that is lost during the lookup of a coordinator raises "node not ready", after which the client repeats the
lookup; otherwise a transactional producer would fail permanently.
"""

import asyncio
import random
from contextlib import suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError
from aiokafka.protocol.metadata import MetadataRequest

__all__ = ["install"]

_ANSWER_SECONDS: Final = 3.0
#: Of a bootstrap address, to which no connection is open yet.
_CONNECTED_SECONDS: Final = 10.0

#: Client -> the brokers that did not answer it the last time.
_silent: Final[WeakKeyDictionary[AIOKafkaClient, set[Any]]] = WeakKeyDictionary()

_look_up_coordinator: Final = AIOKafkaClient.coordinator_lookup


def install() -> None:
    """Replace the methods for every client of this process, existing ones too; a second call changes nothing."""
    AIOKafkaClient._metadata_update = _ask_known_brokers_or_bootstrap
    AIOKafkaClient.coordinator_lookup = _look_up_coordinator_again


async def _ask_known_brokers_or_bootstrap(client: AIOKafkaClient, cluster: Any, topics: Any) -> bool:
    silent = _silent.setdefault(client, set())
    known = [broker.nodeId for broker in client.cluster.brokers()]
    random.shuffle(known)
    for node_id in sorted(known, key=silent.__contains__):
        with suppress(KafkaError, OSError, TimeoutError):
            silent.add(node_id)
            async with asyncio.timeout(_ANSWER_SECONDS):
                metadata = await _ask_known(client, node_id, topics)
            silent.discard(node_id)
            if _update(cluster, metadata):
                return True
    for host, port, _ in client.hosts:
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_CONNECTED_SECONDS):
                metadata = await _ask(client, host, port, topics)
            if _update(cluster, metadata):
                return True
    return False


def _update(cluster: Any, metadata: Any) -> bool:
    """Whether the answer names brokers; a broker that has just begun may not know any."""
    if metadata.brokers:
        cluster.update_metadata(metadata)
    return bool(metadata.brokers)


async def _ask_known(client: AIOKafkaClient, node_id: Any, topics: Any) -> Any:
    connection = await client._get_conn(node_id)
    if connection is None:
        raise NodeNotReadyError(f"no connection to broker {node_id}")
    return await connection.send(_request(topics))


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
