"""Formats rights as command lines of Kafka's tool `kafka-acls`."""

import shlex
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from streams.kafka.rights import Client, Operation, Resource, Right
from streams.settings import Settings

__all__ = ["acl_lines", "principal_name"]


class _AclGroup(NamedTuple):
    """Rights that one command line can add."""

    operations: tuple[Operation, ...]
    resource: Resource
    is_prefix: bool


def principal_name(client: Client, prefix: str) -> str:
    """`spendgate-dlq-replay` for `dlq replay`."""
    return f"{prefix}{client.value.replace('--', '').replace(' ', '-')}"


def acl_lines(principal: str, rights: Iterable[Right], settings: Settings) -> list[str]:
    """The command lines that add these rights, to be run by an administrator."""
    operations: dict[tuple[Resource, str, bool], list[Operation]] = defaultdict(list)
    for right in rights:
        operations[right.resource, right.name, right.is_prefix].append(right.operation)
    names: dict[_AclGroup, list[str]] = defaultdict(list)
    for (resource, name, is_prefix), allowed in operations.items():
        names[_AclGroup(tuple(sorted(allowed)), resource, is_prefix)].append(name)
    return [_line(principal, group, of_group, settings) for group, of_group in names.items()]


def _line(principal: str, group: _AclGroup, names: list[str], settings: Settings) -> str:
    words = ["kafka-acls", "--bootstrap-server", settings.brokers, "--add", "--allow-principal", f"User:{principal}"]
    for operation in group.operations:
        words += ["--operation", operation.name]
    for name in names:
        words += [f"--{group.resource.replace(' ', '-')}", name]
    if group.is_prefix:
        words += ["--resource-pattern-type", "prefixed"]
    return shlex.join(words)
