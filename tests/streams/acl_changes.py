"""Users and their rights on a broker with an authorizer, by the words of `kafka-acls` and without starting Java."""

import shlex
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from streams.kafka.options import librdkafka_options
from streams.kafka.rights import Operation
from streams.settings import Settings

PATIENCE_SECONDS = 20
RESOURCES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional_id": ResourceType.TRANSACTIONAL_ID,
}


def new_user(owner: Settings, name: str) -> Settings:
    """The settings of a user without any right, whose password is the name."""
    made = UserScramCredentialUpsertion(
        name, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), name.encode(), b"salt"
    )
    admin = _admin(owner)
    _done(admin.alter_user_scram_credentials([made]))
    _until(lambda: _is_known(admin, name))
    entry = {"kafka_username": name, "kafka_password": name, "kafka_password_file": None}
    return owner.replace(**entry)


def run_acl_lines(owner: Settings, lines: Sequence[str]) -> None:
    """What an administrator does with printed lines of `kafka-acls --add`."""
    admin = _admin(owner)
    bindings = [binding for line in lines for binding in _bindings(shlex.split(line))]
    _done(admin.create_acls(bindings))
    _until(lambda: set(bindings) <= set(_existing(admin)))


@contextmanager
def denied(owner: Settings, principal: str, operation: Operation, resource: Sequence[str]) -> Iterator[None]:
    """`resource` as in `--topic name`; a denial goes before whatever is allowed."""
    words = ["kafka-acls", "--deny-principal", principal, "--operation", operation.name, *resource]
    admin, bindings = _admin(owner), _bindings(words)
    _done(admin.create_acls(bindings))
    _until(lambda: set(bindings) <= set(_existing(admin)))
    try:
        yield
    finally:
        _done(admin.delete_acls([AclBindingFilter(*_fields(binding)) for binding in bindings]))
        _until(lambda: not set(bindings) & set(_existing(admin)))


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


def _fields(binding: AclBinding) -> tuple[Any, ...]:
    return (
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )


def _existing(admin: AdminClient) -> list[AclBinding]:
    anything = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
    )
    found: list[AclBinding] = admin.describe_acls(anything).result(PATIENCE_SECONDS)
    return found


def _is_known(admin: AdminClient, user: str) -> bool:
    return user in admin.describe_user_scram_credentials().result(PATIENCE_SECONDS)


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
