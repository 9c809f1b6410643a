"""Finds the rights that a process or a command lacks on a cluster with an authorizer.

The broker lists the allowed operations on topics. A right on a group or a transactional id is found by a request with a
member or producer that cannot exist: it changes nothing, allowed or not.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from itertools import compress
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.transaction import EndTxnRequest

from core.errors import ConfigurationError, NotAllowed, SpendgateError
from streams.kafka.any_broker import ask_any_broker
from streams.kafka.clients import unreachable_after
from streams.kafka.failures import not_allowed, principal
from streams.kafka.groups import DescribeGroups
from streams.kafka.iam_actions import iam_actions
from streams.kafka.metadata import authorized_operations
from streams.kafka.options import client_options
from streams.kafka.rights import Client, Operation, Process, Resource, Right, rights_of
from streams.settings import Settings

__all__ = [
    "check_rights",
    "check_rights_once_reached",
    "how_to_allow",
    "keep_checking_rights",
    "missing_rights",
    "watch_rights",
    "work_while_allowed",
]

_ANSWER_SECONDS: Final = 8.0
_RETRY_SECONDS: Final = 2.0
_WATCH_SECONDS: Final = 10.0
_GROUP_DENIED, _TRANSACTION_DENIED = 30, 53


async def check_rights(settings: Settings, process: Process) -> None:
    """Raise NotAllowed where the process lacks a right."""
    if missing := (await missing_rights(settings, [process]))[process]:
        raise _lack(settings, process, missing)


async def check_rights_once_reached(settings: Settings, process: Process) -> None:
    """Wait for a broker, and raise NotAllowed where the process lacks a right: for a process that starts without
    one."""
    while True:
        try:
            return await check_rights(settings, process)
        except (NotAllowed, ConfigurationError):
            raise
        except SpendgateError:
            await asyncio.sleep(_RETRY_SECONDS)


async def watch_rights(settings: Settings, process: Process) -> None:
    """Ask every 10 seconds, and raise NotAllowed once the process lacks a right. Where no broker answers, or none lets
    us in any more, what has entered goes on."""
    missing: list[Right] = []
    while not missing:
        await asyncio.sleep(_WATCH_SECONDS)
        with suppress(SpendgateError):
            missing = (await missing_rights(settings, [process]))[process]
    raise _lack(settings, process, missing)


async def keep_checking_rights(settings: Settings, process: Process) -> None:
    """Check once a broker is reached, and then watch. Raises NotAllowed."""
    await check_rights_once_reached(settings, process)
    await watch_rights(settings, process)


async def work_while_allowed(settings: Settings, process: Process, work: Coroutine[Any, Any, None]) -> None:
    """Do the work to its end. Raises what it raises, and NotAllowed once the process lacks a right."""
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch_rights(settings, process))
            await work
            watching.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors


def _lack(settings: Settings, process: Process, missing: list[Right]) -> NotAllowed:
    first, *others = missing
    if not others:
        return not_allowed(settings, first.operation.name, first.resource, first.name)
    lacking = ", ".join(map(str, missing))
    return NotAllowed(
        f"{principal(settings)} lacks rights of the {process}: {lacking}: {how_to_allow(settings, missing)}."
    )


def how_to_allow(settings: Settings, missing: Iterable[Right]) -> str:
    """What an administrator has to do: add ACLs, or change an IAM policy."""
    if not settings.uses_iam:
        return "let Kafka's administrator allow them with what `spendgate topics acls` prints"
    actions = dict.fromkeys(action for right in missing for action in iam_actions(right.operation.name, right.resource))
    return f"let its IAM policy allow {', '.join(actions)} on these"


async def missing_rights(settings: Settings, clients: Collection[Client]) -> dict[Client, list[Right]]:
    """The missing rights of each client on existing topics. The right to create topics cannot be checked, and rights by
    prefix are checked for transactional ids only."""
    wanted = {
        client: [one for right in rights_of([client], settings) for one in _literal(right, settings)]
        for client in clients
    }
    every = list(dict.fromkeys(right for rights in wanted.values() for right in rights))
    async with _client(settings) as client, unreachable_after(settings, _ANSWER_SECONDS):
        denied = {*await _denied_topics(client, every), *await _denied_others(client, every)}
    return {client: [right for right in rights if right in denied] for client, rights in wanted.items()}


def _literal(right: Right, settings: Settings) -> list[Right]:
    """The right as rights with literal names; none where it cannot be checked."""
    if right.resource is Resource.TRANSACTIONAL_ID and right.is_prefix:
        return [right._replace(name=f"{right.name}{number}", is_prefix=False) for number in range(settings.partitions)]
    return [] if right.is_prefix or right.operation is Operation.Create else [right]


@asynccontextmanager
async def _client(settings: Settings) -> AsyncIterator[AIOKafkaClient]:
    client = AIOKafkaClient(**client_options(settings))
    try:
        async with unreachable_after(settings, _ANSWER_SECONDS):
            await client.bootstrap()
        yield client
    finally:
        await client.close()


async def _denied_topics(client: AIOKafkaClient, rights: Iterable[Right]) -> list[Right]:
    of_topics = [right for right in rights if right.resource is Resource.TOPIC]
    allowed = await authorized_operations(client, {right.name for right in of_topics})
    return [right for right in of_topics if right.operation not in allowed.get(right.name, tuple(Operation))]


async def _denied_others(client: AIOKafkaClient, rights: Iterable[Right]) -> list[Right]:
    others = [right for right in rights if right.resource is not Resource.TOPIC]
    return list(compress(others, await asyncio.gather(*(_is_denied(client, right) for right in others))))


async def _is_denied(client: AIOKafkaClient, right: Right) -> bool:
    if right.resource is Resource.TRANSACTIONAL_ID:
        answer = await ask_any_broker(client, EndTxnRequest(right.name, -1, -1, False))
        return bool(answer.error_code == _TRANSACTION_DENIED)
    if right.operation is Operation.Describe:
        answer = await ask_any_broker(client, DescribeGroups(right.name))
        return bool(answer.groups[0][0] == _GROUP_DENIED)
    answer = await ask_any_broker(client, HeartbeatRequest(right.name, -1, "nobody"))
    return bool(answer.error_code == _GROUP_DENIED)
