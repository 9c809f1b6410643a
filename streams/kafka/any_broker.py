"""Asks the brokers that a client knows, one after the other: one that is away or stands still may be among them."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

__all__ = ["any_answer", "ask_any_broker"]

#: A broker that has not answered for so long is passed over for another one.
_ANSWER_SECONDS: Final = 3.0

#: Client -> the brokers that did not answer it the last time.
_silent: Final[WeakKeyDictionary[AIOKafkaClient, set[Any]]] = WeakKeyDictionary()


async def ask_any_broker(client: AIOKafkaClient, request: Any) -> Any:
    """What a broker answers. Raises an error of aiokafka where none does."""
    answer = await any_answer(client, request)
    return await client.send(client.get_random_node(), request) if answer is None else answer


async def any_answer(client: AIOKafkaClient, request: Any, is_answer: Callable[[Any], bool] = lambda _: True) -> Any:
    """The first answer of a known broker that is one, or None; brokers that were silent the last time come last."""
    silent = _silent.setdefault(client, set())
    known = [broker.nodeId for broker in client.cluster.brokers()]
    random.shuffle(known)
    for node_id in sorted(known, key=silent.__contains__):
        silent.add(node_id)
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = await client.send(node_id, request)
            silent.discard(node_id)
            if is_answer(answer):
                return answer
    return None
