"""Users and their rights on a broker with an authorizer, by the words of `kafka-acls` and without starting Java."""

import shlex
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from streams.kafka.options import librdkafka_options
from streams.kafka.rights import Operation
from streams.kafka.users import User, all_bindings, filter_of, put_users
from streams.settings import Settings

PATIENCE_SECONDS = 20
RESOURCES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional_id": ResourceType.TRANSACTIONAL_ID,
}


def new_user(owner: Settings, name: str) -> Settings:
    """The settings of a user without any right, whose password is the name."""
    put_users(owner, {name: User(name, [])})
    return owner.replace(kafka_username=name, kafka_password=name, kafka_password_file=None)


def run_acl_lines(owner: Settings, lines: Sequence[str]) -> None:
    """What an administrator does with printed lines of `kafka-acls --add`."""
    admin = _admin(owner)
    bindings = [binding for line in lines for binding in _bindings(shlex.split(line))]
    _done(admin.create_acls(bindings))
    _until(lambda: set(bindings) <= all_bindings(admin))


@contextmanager
def denied(owner: Settings, principal: str, operation: Operation, resource: Sequence[str]) -> Iterator[None]:
    """`resource` as in `--topic name`; a denial goes before whatever is allowed."""
    words = ["kafka-acls", "--deny-principal", principal, "--operation", operation.name, *resource]
    admin, bindings = _admin(owner), _bindings(words)
    _done(admin.create_acls(bindings))
    _until(lambda: set(bindings) <= all_bindings(admin))
    try:
        yield
    finally:
        _done(admin.delete_acls([filter_of(binding) for binding in bindings]))
        _until(lambda: not set(bindings) & all_bindings(admin))


def _bindings(words: Sequence[str]) -> list[AclBinding]:
    asked = _parser().parse_args(list(words[1:]))
    principal = asked.allow_principal or asked.deny_principal
    effect = AclPermissionType.ALLOW if asked.allow_principal else AclPermissionType.DENY
    pattern = ResourcePatternType[asked.resource_pattern_type.upper()]
    return [
        AclBinding(kind, name, pattern, principal, "*", AclOperation(Operation[operation].value), effect)
        for operation in asked.operation
        for option, kind in RESOURCES.items()
        for name in getattr(asked, option)
    ]


def _parser() -> ArgumentParser:
    """Of the options that we use; any other ends the test."""
    parser = ArgumentParser(allow_abbrev=False)
    for option in ("--bootstrap-server", "--allow-principal", "--deny-principal"):
        parser.add_argument(option)
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--resource-pattern-type", default="literal")
    for option in ("--operation", "--topic", "--group", "--transactional-id"):
        parser.add_argument(option, action="append", default=[])
    return parser


def _admin(owner: Settings) -> AdminClient:
    return AdminClient(librdkafka_options(owner))


def _done(futures: dict[Any, Any]) -> None:
    for future in futures.values():
        future.result(PATIENCE_SECONDS)


def _until(holds: Callable[[], bool]) -> None:
    """The controller has taken a change before the broker knows it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
