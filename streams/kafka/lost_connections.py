"""Lets aiokafka take a connection for lost that uvloop has closed.

Between the moment at which the broker is gone and the one at which the reader of the connection learns it, asyncio
drops what is written. uvloop raises RuntimeError, which no caller expects: it ended the process.
"""

from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

__all__ = ["install"]

_send: Final = AIOKafkaConnection.send


def install() -> None:
    """Replace the method for every connection of this process, existing ones too; a second call changes nothing."""
    AIOKafkaConnection.send = _send_or_lose


def _send_or_lose(connection: AIOKafkaConnection, *arguments: Any, **named: Any) -> Any:
    writer = connection._writer
    try:
        return _send(connection, *arguments, **named)
    except RuntimeError as error:
        if writer is None or not writer.transport.is_closing():
            raise
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"the connection was lost: {error}") from error
