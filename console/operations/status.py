"""What an installation does now: workers and ledgers, how far behind, last tick, decision and reconcile, and how many
dead letters wait."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from aiokafka import ConsumerRecord
from msgspec import MsgspecError

from console.dead_letters import count_waiting
from console.operations.last_records import last_records
from models.errors import ModelError
from models.reconcile_run import last_reconcile
from models.session import session_scope
from streams.core.moment import format_moment
from streams.groups import Group, describe_group
from streams.provision import admin_client
from streams.records import decode_command, decode_tick
from streams.settings import Settings
from streams.topics import Topic

__all__ = ["GROUPS", "read_status"]

GROUPS: Final = ("spendgate-worker", "spendgate-ledger")
#: A partition may end in records of other campaigns or in marks of transactions: one of these is a record.
LOOK_BACK: Final = 20

Status = dict[str, Any]
_Message = TypeVar("_Message")


async def read_status(settings: Settings) -> Status:
    """As `spendgate status --json` prints it."""
    groups, last_tick, last_decision, dead_letters, reconciled = await asyncio.gather(
        _groups(settings),
        _last_tick(settings),
        _last_decision(settings),
        _waiting_letters(settings),
        asyncio.to_thread(_last_reconcile, settings),
    )
    return {
        "groups": groups,
        "last_tick": last_tick,
        "last_decision": last_decision,
        "dead_letters": dead_letters,
        "last_reconcile": reconciled,
    }


async def _groups(settings: Settings) -> list[Status]:
    async with admin_client(settings) as admin:
        groups = [await describe_group(settings, admin, settings.topic(name)) for name in GROUPS]
    return [_group_status(group) for group in groups if group is not None]


def _group_status(group: Group) -> Status:
    members = [{"client_id": one.client_id, "host": one.host, "partitions": one.partitions} for one in group.members]
    return {"group": group.name, "state": group.state, "members": members, "lag": group.lag}


async def _last_tick(settings: Settings) -> Status | None:
    found = await _newest(settings, Topic.DAYPARTING_TICKS, decode_tick)
    if found is None:
        return None
    record, tick = found
    return {"due_at": tick.due_at, "arrived_at": format_moment(record.timestamp)}


async def _last_decision(settings: Settings) -> Status | None:
    found = await _newest(settings, Topic.CAMPAIGN_CONTROL, decode_command)
    if found is None:
        return None
    _, command = found
    return {
        "command_id": command.command_id,
        "action": command.action.value,
        "campaign_id": command.campaign_id,
        "brand_id": command.brand_id,
        "reasons": command.reasons,
        "decided_at": command.decided_at,
    }


async def _newest(
    settings: Settings, topic: Topic, decode: Callable[[bytes], _Message]
) -> tuple[ConsumerRecord, _Message] | None:
    """The newest record that is one: whoever may write to a topic can put anything there."""
    records = await last_records(settings, topic, at_most=LOOK_BACK)
    for record in sorted(records, key=lambda record: (record.timestamp, record.offset), reverse=True):
        with suppress(MsgspecError, ValueError, RecursionError):
            return record, decode(record.value or b"")
    return None


async def _waiting_letters(settings: Settings) -> int | None:
    """None while the database cannot tell which of them were handled."""
    try:
        return await count_waiting(settings)
    except ModelError:
        return None


def _last_reconcile(settings: Settings) -> Status | None:
    """None also while there is no database to ask, which says so elsewhere."""
    try:
        with session_scope(settings.database) as session:
            run = last_reconcile(session)
    except ModelError:
        return None
    if run is None:
        return None
    return {
        "finished_at": format_moment(run.finished_at),
        "outcome": run.outcome,
        "brands": run.brands,
        "campaigns": run.campaigns,
        "differences": len(run.differences),
        "failure": run.failure,
    }
