"""Lets aiokafka close a TLS connection at once.

By itself it says goodbye and waits for the broker's goodbye: for 30 seconds where the broker stands still, and an event
loop that ends meanwhile leaves the socket open. Kafka ends a connection by TCP; a goodbye of TLS tells it nothing more.
"""

from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection

__all__ = ["install"]

_close: Final = AIOKafkaConnection.close


def install() -> None:
    """For every connection of this process, those that exist included; without effect when called again."""
    AIOKafkaConnection.close = _close_at_once


def _close_at_once(connection: AIOKafkaConnection, *arguments: Any, **named: Any) -> Any:
    writer = connection._writer
    closed = _close(connection, *arguments, **named)
    if writer is not None and connection._ssl_context:
        writer.transport.abort()  # what was not sent yet had its answer awaited, and that has just failed
    return closed
