"""The rights on the cluster that each process and each command needs.

Processes check them at their start, `spendgate doctor` on request, and `spendgate topics acls` prints them as ACLs.
"""

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from streams.kafka.identities import LEDGER_GROUP, REPAIR_TRANSACTIONS, WORKER_GROUP, WORKER_TRANSACTIONS
from streams.kafka.topics import ALL_TOPICS, INPUTS, Topic
from streams.settings import Settings

__all__ = ["CLIENTS", "Client", "CommandLine", "Operation", "Process", "Resource", "Right", "rights_of"]


class Process(StrEnum):
    """The processes that have rights of their own."""

    WORKER = "worker"
    SCHEDULER = "scheduler"
    LEDGER = "ledger"
    NOTIFIER = "notifier"
    API = "api"


class CommandLine(StrEnum):
    """Commands by the words of their command line. A command that is not here does not use Kafka, or needs no right
    beyond those of another one."""

    BRAND = "brand"
    CAMPAIGN = "campaign"
    CATALOG = "catalog"
    SIMULATE_SPEND = "simulate-spend"
    SPEND_IMPORT = "spend import"
    SNAPSHOTS_IMPORT = "snapshots import"
    CHECK = "check"
    RESET = "reset"
    CONTROL_TAIL = "control tail"
    CONTROL_RESEND = "control resend"
    DLQ = "dlq"
    DLQ_REPLAY = "dlq replay"
    RECONCILE = "reconcile"
    RECONCILE_REPAIR = "reconcile --repair"
    REPLAY = "replay"
    STATUS = "status"
    DOCTOR = "doctor"
    TOPICS_CHECK = "topics check"
    TOPICS_CREATE = "topics create"
    SIMULATE_TRAFFIC = "simulate-traffic"
    SIMULATE_DAY = "simulate-day"


Client = Process | CommandLine
CLIENTS: Final[dict[str, Client]] = {one.value: one for one in (*Process, *CommandLine)}


class Operation(IntEnum):
    """Operations with the names of Kafka's tools and the numbers of Kafka's protocol."""

    Read = 3
    Write = 4
    Create = 5
    Delete = 6
    Describe = 8
    DescribeConfigs = 10


class Resource(StrEnum):
    """What a right is about."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTIONAL_ID = "transactional id"


class Right(NamedTuple):
    """An operation that the cluster must allow on a resource."""

    operation: Operation
    resource: Resource
    name: str
    is_prefix: bool = False  # of every resource whose name begins with `name`

    def __str__(self) -> str:
        return f"{self.operation.name} on {self.resource} {self.name}{'*' if self.is_prefix else ''}"


def rights_of(clients: Iterable[Client], settings: Settings) -> list[Right]:
    """The rights that these clients need together, each once, with the names on the cluster."""
    found = dict.fromkeys(right for client in clients for right in _RIGHTS[client])
    # Read and Write include Describe.
    return [
        right._replace(name=settings.topic(right.name))
        for right in found
        if right.operation is not Operation.Describe
        or not any(right._replace(operation=more) in found for more in (Operation.Read, Operation.Write))
    ]


def _topics(operation: Operation, *topics: Topic) -> list[Right]:
    return [Right(operation, Resource.TOPIC, topic) for topic in topics]


def _reads(*topics: Topic) -> list[Right]:
    return _topics(Operation.Read, *topics)


def _writes(*topics: Topic) -> list[Right]:
    return _topics(Operation.Write, *topics)


def _group(operation: Operation, name: str) -> Right:
    return Right(operation, Resource.GROUP, name)


def _own(prefix: str) -> list[Right]:
    """All rights on topics, groups and transactional ids whose names begin with `prefix`."""
    return [
        *(Right(operation, Resource.TOPIC, prefix, True) for operation in Operation),
        Right(Operation.Read, Resource.GROUP, prefix, True),
        Right(Operation.Write, Resource.TRANSACTIONAL_ID, prefix, True),
    ]


#: Rights to read ids, partitions and ends of topics.
_SEES_TOPICS: Final = _topics(Operation.Describe, *ALL_TOPICS)
_CHECKS_TOPICS: Final = [*_SEES_TOPICS, *_topics(Operation.DescribeConfigs, *ALL_TOPICS)]
_EDITS_CATALOG: Final = [*_reads(Topic.CATALOG), *_writes(Topic.CATALOG)]
#: Rights to read the controller's state, and whether it has applied everything.
_SHOWS_STATE: Final = [
    *_reads(Topic.CONTROLLER_STATE),
    *_topics(Operation.Describe, Topic.CATALOG, Topic.SPEND_EVENTS),
]
_RECONCILES: Final = [*_reads(Topic.CONTROLLER_STATE, Topic.SPEND_CORRECTIONS), *_SEES_TOPICS]
_REDELIVERS: Final = [
    *_reads(Topic.DEAD_LETTERS),
    *_writes(Topic.SPEND_EVENTS, Topic.SPEND_CORRECTIONS, Topic.SPEND_SNAPSHOTS),
]
_SHOWS_STATUS: Final = [
    *_reads(Topic.DAYPARTING_TICKS, Topic.CAMPAIGN_CONTROL, Topic.DEAD_LETTERS, Topic.SPEND_EVENTS),
    *_reads(Topic.CONTROLLER_STATE),
    *_SEES_TOPICS,
    _group(Operation.Describe, WORKER_GROUP),
    _group(Operation.Describe, LEDGER_GROUP),
]

_RIGHTS: Final[dict[Client, list[Right]]] = {
    Process.WORKER: [
        *_reads(*INPUTS, Topic.CONTROLLER_STATE, Topic.CAMPAIGN_CONTROL),
        *_writes(Topic.CONTROLLER_STATE, Topic.CAMPAIGN_CONTROL, Topic.BUDGET_ALERTS, Topic.CONTROL_HEARTBEAT),
        *_writes(Topic.DEAD_LETTERS, Topic.SPEND_EVENTS, Topic.SPEND_SNAPSHOTS),
        *_CHECKS_TOPICS,
        _group(Operation.Read, WORKER_GROUP),
        Right(Operation.Write, Resource.TRANSACTIONAL_ID, WORKER_TRANSACTIONS, True),
    ],
    Process.SCHEDULER: [
        *_EDITS_CATALOG,
        *_writes(Topic.DAYPARTING_TICKS, Topic.BUDGET_RESETS),
        *_RECONCILES,
    ],
    Process.LEDGER: [
        *_reads(
            Topic.SPEND_EVENTS,
            Topic.CAMPAIGN_CONTROL,
            Topic.CONTROL_ACKS,
            Topic.SPEND_CORRECTIONS,
            Topic.DEAD_LETTERS,
            Topic.CATALOG,
        ),
        *_writes(Topic.DEAD_LETTERS),
        *_CHECKS_TOPICS,
        _group(Operation.Read, LEDGER_GROUP),
    ],
    Process.NOTIFIER: [*_reads(Topic.BUDGET_ALERTS, Topic.CAMPAIGN_CONTROL), *_CHECKS_TOPICS],
    Process.API: [
        *_EDITS_CATALOG,
        *_SHOWS_STATE,
        *_SHOWS_STATUS,
        *_writes(Topic.SPEND_SNAPSHOTS),
        *_REDELIVERS,
        *_RECONCILES,
    ],
    CommandLine.BRAND: [*_EDITS_CATALOG, *_SHOWS_STATE],
    CommandLine.CAMPAIGN: [*_EDITS_CATALOG, *_SHOWS_STATE],
    CommandLine.CATALOG: [*_EDITS_CATALOG, *_SHOWS_STATE],
    CommandLine.SIMULATE_SPEND: _writes(Topic.SPEND_EVENTS),
    CommandLine.SPEND_IMPORT: _writes(Topic.SPEND_EVENTS),
    CommandLine.SNAPSHOTS_IMPORT: _writes(Topic.SPEND_SNAPSHOTS),
    CommandLine.CHECK: _writes(Topic.DAYPARTING_TICKS),
    CommandLine.RESET: _writes(Topic.BUDGET_RESETS),
    CommandLine.CONTROL_TAIL: _reads(Topic.CAMPAIGN_CONTROL),
    CommandLine.CONTROL_RESEND: [*_reads(Topic.CAMPAIGN_CONTROL), *_writes(Topic.CAMPAIGN_CONTROL)],
    CommandLine.DLQ: _reads(Topic.DEAD_LETTERS),
    CommandLine.DLQ_REPLAY: _REDELIVERS,
    CommandLine.RECONCILE: _RECONCILES,
    CommandLine.RECONCILE_REPAIR: [
        *_RECONCILES,
        *_writes(Topic.SPEND_CORRECTIONS),
        Right(Operation.Write, Resource.TRANSACTIONAL_ID, REPAIR_TRANSACTIONS),
    ],
    CommandLine.REPLAY: [
        *_CHECKS_TOPICS,
        *_EDITS_CATALOG,
        *_reads(Topic.SPEND_EVENTS),
        *_writes(Topic.SPEND_EVENTS, Topic.SPEND_CORRECTIONS, Topic.SPEND_SNAPSHOTS),
    ],
    CommandLine.STATUS: _SHOWS_STATUS,
    CommandLine.DOCTOR: [*_CHECKS_TOPICS, *_reads(Topic.DAYPARTING_TICKS, Topic.SPEND_EVENTS, Topic.CONTROLLER_STATE)],
    CommandLine.TOPICS_CHECK: _CHECKS_TOPICS,
    CommandLine.TOPICS_CREATE: [*_SEES_TOPICS, *_topics(Operation.Create, *ALL_TOPICS)],
    CommandLine.SIMULATE_TRAFFIC: [*_SHOWS_STATE, *_writes(Topic.SPEND_EVENTS)],
    # On topics of its own, which it creates and deletes.
    CommandLine.SIMULATE_DAY: _own("sim-"),
}
