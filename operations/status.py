"""The state of an installation: workers and ledgers, their lag, last tick, decision and reconcile, waiting dead
letters, hidden state, holes of the ledger."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from aiokafka import ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient
from msgspec import MsgspecError

from core.errors import Unreachable
from core.moment import format_moment
from ledger.ingest.holes import holes
from ledger.reconcile.restored import restored
from models.errors import ModelError
from models.session import session_scope
from models.tables.reconcile_run import last_reconcile
from operations.dead_letters.count import DeadLetterCount
from operations.hidden_state import read_hidden_state
from operations.last_records import last_records
from operations.leaders import read_missing_leaders
from operations.state_summary import read_state_summary
from streams.clock import current_moment
from streams.kafka.clients import explaining
from streams.kafka.codec import decode_command, decode_tick
from streams.kafka.groups import ConsumerGroup, describe_group
from streams.kafka.identities import LEDGER_GROUP, WORKER_GROUP
from streams.kafka.provision import admin_client
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["GROUPS", "read_status"]

GROUPS: Final = (WORKER_GROUP, LEDGER_GROUP)
#: A partition may end in transaction markers and foreign records: one of so many offsets is one of ours.
_LAST_OFFSETS: Final = 20

Status = dict[str, Any]
_Message = TypeVar("_Message")


async def read_status(settings: Settings, counter: DeadLetterCount | None = None) -> Status:
    """The status as `spendgate status --json` prints it. Callers that read it often pass the same DeadLetterCount each
    time. Raises Unreachable, with what is seen and what to do, also where a partition has no leader: its records cannot
    be read."""
    if missing := await read_missing_leaders(settings):
        raise Unreachable(" ".join(missing))
    of_kafka = (
        asyncio.ensure_future(_groups(settings)),
        asyncio.ensure_future(_last_tick(settings)),
        asyncio.ensure_future(_last_decision(settings)),
        asyncio.ensure_future(read_state_summary(settings, current_moment())),
        asyncio.ensure_future(read_hidden_state(settings)),
    )
    others = (
        asyncio.ensure_future(_waiting_dead_letters(counter or DeadLetterCount(settings))),
        asyncio.ensure_future(asyncio.to_thread(_last_reconcile, settings)),
        asyncio.ensure_future(asyncio.to_thread(_holes, settings)),
    )
    found = asyncio.gather(asyncio.gather(*of_kafka), asyncio.gather(*others))  # or the first failure
    # Also after a failure: a client that is cancelled while it connects leaves that connection open.
    await asyncio.wait([*of_kafka, *others])
    ((groups, restored), last_tick, last_decision, state, hidden), (dead_letters, reconciled, lacking) = await found
    return {
        "groups": groups,
        "last_tick": last_tick,
        "last_decision": last_decision,
        "dead_letters": dead_letters,
        "last_reconcile": reconciled,
        "restored": restored,
        "holes": lacking,
        "hidden_state": hidden,
        **state.facts(),
    }


async def _groups(settings: Settings) -> tuple[list[Status], str | None]:
    """The groups of worker and ledger, and a sentence where the ledger's database was restored from a backup."""
    async with admin_client(settings) as admin, explaining(settings):
        groups = [await describe_group(settings, admin, settings.topic(name)) for name in GROUPS]
        restored = await _restored(settings, admin) if groups[-1] is not None else None
    return [_group_status(group) for group in groups if group is not None], restored


def _group_status(group: ConsumerGroup) -> Status:
    members = [{"client_id": one.client_id, "host": one.host, "partitions": one.partitions} for one in group.members]
    return {"group": group.name, "state": group.state, "members": members, "lag": group.lag}


async def _restored(settings: Settings, admin: AIOKafkaAdminClient) -> str | None:
    """The sentence of `restored`, None also while the database is away: another line of the status says so."""
    try:
        return await restored(settings, admin)
    except ModelError:
        return None


def _holes(settings: Settings) -> list[str]:
    """A sentence for each hole of the ledger; none while the database is away."""
    try:
        return [hole.sentence for hole in holes(settings)]
    except ModelError:
        return []


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
    """The newest record that can be decoded, because other programs may write to the topic too."""
    records = await last_records(settings, topic, at_most=_LAST_OFFSETS)
    for record in sorted(records, key=lambda record: (record.timestamp, record.offset), reverse=True):
        with suppress(MsgspecError, ValueError, RecursionError):
            return record, decode(record.value or b"")
    return None


async def _waiting_dead_letters(counter: DeadLetterCount) -> int | None:
    """The number of dead letters that wait; None while the database is away."""
    try:
        return await counter.waiting()
    except ModelError:
        return None


def _last_reconcile(settings: Settings) -> Status | None:
    """The last run; None also while the database is away: another line of the status says so."""
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
