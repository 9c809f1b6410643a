"""Lets aiokafka close a TLS connection at once.

By default asyncio sends close_notify and waits for the broker's: for 30 seconds where the broker is frozen, and an
event loop that ends meanwhile leaves the socket open. Kafka ends connections by TCP and needs no close_notify.
"""

from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection

__all__ = ["install"]

_close: Final = AIOKafkaConnection.close


def install() -> None:
    """Replace the method for every connection of this process, existing ones too; a second call changes nothing."""
    AIOKafkaConnection.close = _close_at_once


def _close_at_once(connection: AIOKafkaConnection, *arguments: Any, **named: Any) -> Any:
    writer = connection._writer
    closed = _close(connection, *arguments, **named)
    if writer is not None and connection._ssl_context:
        writer.transport.abort()  # what was not sent yet had its answer awaited, and that has just failed
    return closed
