"""Users of a cluster with SCRAM and an authorizer, made and given their rights as its administrator does."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaException
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

from core.errors import Unreachable
from streams.kafka.failures import translated
from streams.kafka.options import librdkafka_options
from streams.kafka.rights import Resource, Right
from streams.settings import Settings

__all__ = ["User", "all_bindings", "filter_of", "put_users"]

_ANSWER_SECONDS: Final = 30.0
#: A change is in the controller before the broker has it.
_LOOK_AGAIN_SECONDS: Final = 0.05
#: Rounds of the password's hash; Kafka takes no fewer.
_ITERATIONS: Final = 4096
_KINDS: Final = {
    Resource.TOPIC: ResourceType.TOPIC,
    Resource.GROUP: ResourceType.GROUP,
    Resource.TRANSACTIONAL_ID: ResourceType.TRANSACTIONAL_ID,
}


class User(NamedTuple):
    password: str
    rights: list[Right]


def put_users(owner: Settings, users: Mapping[str, User]) -> None:
    """Make the users by name, or give those that exist these passwords. When it returns they have these rights on the
    broker, and no others. `owner` enters as a superuser. Raises an error of ours where the broker refuses."""
    admin = AdminClient(librdkafka_options(owner))
    wanted = {_binding(name, right) for name, user in users.items() for right in user.rights}
    try:
        _await(admin.alter_user_scram_credentials([_credential(name, user) for name, user in users.items()]))
        found = _bindings_of(admin, users)
        if found - wanted:  # an earlier release needed more
            _await(admin.delete_acls([filter_of(one) for one in found - wanted]))
        if wanted - found:
            _await(admin.create_acls(list(wanted - found)))
        _until(lambda: _bindings_of(admin, users) == wanted)
        _until(lambda: users.keys() <= admin.describe_user_scram_credentials().result(_ANSWER_SECONDS).keys())
    except KafkaException as error:
        raise translated(error, owner) from error


def _credential(name: str, user: User) -> UserScramCredentialUpsertion:
    kind = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
    return UserScramCredentialUpsertion(name, kind, user.password.encode())


def _binding(user: str, right: Right) -> AclBinding:
    pattern = ResourcePatternType.PREFIXED if right.is_prefix else ResourcePatternType.LITERAL
    operation = AclOperation(right.operation.value)
    kind = _KINDS[right.resource]
    return AclBinding(kind, right.name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)


def all_bindings(admin: AdminClient) -> set[AclBinding]:
    """The ACLs of all principals, as the broker has them. Raises KafkaException where it does not tell."""
    anything = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
    )
    return set(admin.describe_acls(anything).result(_ANSWER_SECONDS))


def filter_of(one: AclBinding) -> AclBindingFilter:
    """By which this ACL is deleted, and no other."""
    return AclBindingFilter(
        one.restype,
        one.name,
        one.resource_pattern_type,
        one.principal,
        one.host,
        one.operation,
        one.permission_type,
    )


def _bindings_of(admin: AdminClient, users: Iterable[str]) -> set[AclBinding]:
    principals = {f"User:{name}" for name in users}
    return {it for it in all_bindings(admin) if it.principal in principals}


def _await(futures: Mapping[Any, Any]) -> None:
    for future in futures.values():
        future.result(_ANSWER_SECONDS)


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _ANSWER_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise Unreachable(f"The broker does not know its users after {_ANSWER_SECONDS:g} s: see its log.")
        time.sleep(_LOOK_AGAIN_SECONDS)
