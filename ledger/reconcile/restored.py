"""Detects a ledger database that lost rows, by the offsets that the ledger committed to its consumer group.

A ledger saves rows and positions first and commits the same offsets to its group afterwards, so the group is ahead of
the database only where a backup was restored, or the group's offsets were set ahead by hand. In either case the
ledger reads from the positions of the database, and until it has caught up, sums lack rows.
"""

import asyncio
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from ledger.read_topics import READ
from ledger.reconcile.sums import PartitionId, partitions_behind
from streams.kafka.groups import group_offsets
from streams.kafka.identities import LEDGER_GROUP
from streams.kafka.metadata import topic_ids
from streams.settings import Settings

__all__ = ["restored"]

_ADVICE: Final = "`spendgate ledger` reads again from there; wait for it before you repair anything."


async def restored(settings: Settings, admin: AIOKafkaAdminClient) -> str | None:
    """A sentence that says which partition is behind, or None. Raises ModelError while the database is away."""
    ids = await topic_ids(admin._client, [settings.topic(topic) for topic in READ])
    committed = await group_offsets(admin, settings.topic(LEDGER_GROUP))
    committed_offsets = {
        PartitionId(part.topic, ids[part.topic], part.partition): at.offset
        for part, at in committed.items()
        if part.topic in ids and at.offset > 0
    }
    if not (late := await asyncio.to_thread(partitions_behind, settings.database, committed_offsets)):
        return None
    partition_id, position, wanted = late[0]
    return (
        f"The database has {partition_id.topic}, partition {partition_id.partition}, up to offset {position}, and the "
        f"ledger had saved {wanted}: a backup was restored, or the group's offsets were set ahead. {_ADVICE}"
    )
