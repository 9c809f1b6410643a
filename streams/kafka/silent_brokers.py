"""Lets aiokafka leave a broker that keeps its connections and answers nothing, as soon as another leads its partitions.

By default a fetch, or a question for the end of a partition, waits 40 s for its answer, and who leads a partition is
asked again after 5 minutes. Here it is asked again while one has no answer, sooner than consumers ask by themselves
(METADATA_MS); the client then fetches from the new leader. The old fetch is not given up before that: where the same
broker still leads, its answer is only slow.
streams/kafka/rebootstrap.py passes over a broker that does not answer who leads.
"""

import asyncio
from contextlib import nullcontext
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest

__all__ = ["install"]

#: A fetch that finds no records is answered after half a second.
_SILENCE_SECONDS: Final = 1.0

_send: Final = AIOKafkaClient.send


def install() -> None:
    """Replace the method for every client of this process, existing ones too; a second call changes nothing."""
    AIOKafkaClient.send = _send_and_refresh


async def _send_and_refresh(client: AIOKafkaClient, node_id: Any, request: Any, **named: Any) -> Any:
    refreshing = _Refreshing(client) if isinstance(request, FetchRequest | OffsetRequest) else nullcontext()
    with refreshing:
        return await _send(client, node_id, request, **named)


class _Refreshing:
    """While it is entered, the client asks again and again who leads."""

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> None:
        self._timer = self._loop.call_later(_SILENCE_SECONDS, self._refresh)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _refresh(self) -> None:
        self._client.force_metadata_update()
        self._timer = self._loop.call_later(_SILENCE_SECONDS, self._refresh)
