"""The rights of processes and commands as command lines of Kafka's own `kafka-acls`."""

import shlex
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from streams.kafka.rights import Client, Operation, Resource, Right
from streams.settings import Settings

__all__ = ["acl_lines", "principal_name"]


class _Alike(NamedTuple):
    """What one command line can allow together."""

    operations: tuple[Operation, ...]
    resource: Resource
    is_prefix: bool


def principal_name(client: Client, prefix: str) -> str:
    """`spendgate-dlq-replay` for `dlq replay`."""
    return f"{prefix}{client.value.replace('--', '').replace(' ', '-')}"


def acl_lines(principal: str, rights: Iterable[Right], settings: Settings) -> list[str]:
    """What an administrator runs, once, to allow all of it."""
    operations: dict[tuple[Resource, str, bool], list[Operation]] = defaultdict(list)
    for right in rights:
        operations[right.resource, right.name, right.is_prefix].append(right.operation)
    names: dict[_Alike, list[str]] = defaultdict(list)
    for (resource, name, is_prefix), allowed in operations.items():
        names[_Alike(tuple(sorted(allowed)), resource, is_prefix)].append(name)
    return [_line(principal, alike, of_alike, settings) for alike, of_alike in names.items()]


def _line(principal: str, alike: _Alike, names: list[str], settings: Settings) -> str:
    words = ["kafka-acls", "--bootstrap-server", settings.brokers, "--add", "--allow-principal", f"User:{principal}"]
    for operation in alike.operations:
        words += ["--operation", operation.name]
    for name in names:
        words += [f"--{alike.resource.replace(' ', '-')}", name]
    if alike.is_prefix:
        words += ["--resource-pattern-type", "prefixed"]
    return shlex.join(words)
