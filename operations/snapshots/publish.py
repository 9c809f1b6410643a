"""Publishes a file of totals: refused lines are reported, all others are published and acked.

The whole file is checked before the first line is published.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.refusal import Refusal, RefusalReason
from core.snapshot import Snapshot, read_snapshot
from models.queries.catalog import brands_and_campaigns
from models.queries.external_ids import CampaignIds, brands_by_id, campaigns_by_external_id
from models.session import session_scope
from operations.schedule_preview import zones_of
from operations.snapshots.check import BrandFacts, Numbered, intake_refusal, other_day_refusal, repeat_refusals
from operations.snapshots.external_id import AnyRefusal, external_id_of, with_ids
from operations.snapshots.file import Row, SkippedLine
from operations.spend_import.publish import NumberedRecord, in_batches, publish_batch
from streams.clock import current_moment
from streams.kafka.producer import spend_producer
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["SnapshotsImported", "SnapshotsListener", "import_snapshots"]


@dataclass(slots=True)
class SnapshotsImported:
    published: int = 0
    refused: int = 0
    skipped: int = 0


class SnapshotsListener(NamedTuple):
    """Callbacks of an import. `sent` gets the number of acknowledged lines and of all lines that are not refused."""

    refused: Callable[[int, AnyRefusal], None]
    skipped: Callable[[int, SkippedLine], None]
    warned: Callable[[str], None]
    sent: Callable[[int, int], None]


async def import_snapshots(
    settings: Settings, rows: Sequence[Row], listener: SnapshotsListener, *, time_zone: str | None, dry_run: bool
) -> SnapshotsImported:
    """Check and publish the rows. `time_zone` is the zone of the platform's days; with None they are taken for the days
    of each brand."""
    checked = await asyncio.to_thread(_checked, settings, rows, time_zone, listener.warned)
    refused = {number: it for number, it in checked if not isinstance(it, NumberedRecord | SkippedLine)}
    good = [it for _, it in checked if isinstance(it, NumberedRecord)]
    if not dry_run and good:
        refused |= await _publish(settings, good, listener)
    for number, it in checked:
        if isinstance(it, SkippedLine):
            listener.skipped(number, it)
        elif number in refused:
            listener.refused(number, refused[number])
    skipped = sum(isinstance(it, SkippedLine) for _, it in checked)
    return SnapshotsImported(len(rows) - len(refused) - skipped, len(refused), skipped)


_Checked = NumberedRecord | AnyRefusal | SkippedLine


async def _publish(
    settings: Settings, records: Sequence[NumberedRecord], listener: SnapshotsListener
) -> dict[int, AnyRefusal]:
    """Publish the records; returns the refusals of lines that the topic does not take."""
    refused: dict[int, AnyRefusal] = {}
    sent = 0
    async with spend_producer(settings, Topic.SPEND_SNAPSHOTS) as producer:
        for batch in in_batches(records):
            for number, error in await publish_batch(producer, batch):
                refused[number] = Refusal(RefusalReason.TOO_LARGE, str(error))
            sent += len(batch)
            listener.sent(sent, len(records))
    return refused


def _checked(
    settings: Settings, rows: Sequence[Row], time_zone: str | None, warned: Callable[[str], None]
) -> list[tuple[int, _Checked]]:
    """Each row's snapshot or refusal, in order."""
    found = dict(zip((row.number for row in rows), _with_ids(settings, rows), strict=True))
    read = {number: (value, read_snapshot(value)) for number, value in found.items() if isinstance(value, bytes)}
    snapshots = {number: it for number, (_, it) in read.items() if isinstance(it, Snapshot)}
    brands = _brands(settings, snapshots.values(), warned)
    now = current_moment()

    def refusal_of(snapshot: Snapshot) -> Refusal | None:
        brand = brands.get(snapshot.brand_id)
        refusal = intake_refusal(snapshot, brand, now, settings.tolerance)
        if refusal or brand is None or time_zone is None:
            return refusal
        return other_day_refusal(snapshot, brand.zones, time_zone)

    refusals = {number: it for number, (_, it) in read.items() if isinstance(it, Refusal)}
    refusals |= {number: refusal for number, it in snapshots.items() if (refusal := refusal_of(it))}
    own = {row.number: row.has_own_as_of for row in rows}
    repeats = repeat_refusals(
        Numbered(number, it, own[number]) for number, it in snapshots.items() if number not in refusals
    )
    refusals |= repeats

    def of(number: int, value: bytes | AnyRefusal | SkippedLine) -> _Checked:
        if not isinstance(value, bytes):
            return value
        return refusals.get(number) or NumberedRecord(number, snapshots[number].brand_id, value)

    return [(number, of(number, value)) for number, value in found.items()]


def _with_ids(settings: Settings, rows: Sequence[Row]) -> list[bytes | AnyRefusal | SkippedLine]:
    external_ids = [external_id_of(row.value) if isinstance(row.value, bytes) else None for row in rows]
    campaigns: dict[str, list[CampaignIds]] = {}
    for batch in in_batches(sorted({one for one in external_ids if isinstance(one, str)})):
        with session_scope(settings.database) as session:
            campaigns |= campaigns_by_external_id(session, batch)
    return [
        with_ids(row.value, external_id, campaigns) if isinstance(row.value, bytes) else row.value
        for row, external_id in zip(rows, external_ids, strict=True)
    ]


def _brands(settings: Settings, snapshots: Iterable[Snapshot], warned: Callable[[str], None]) -> dict[str, BrandFacts]:
    """The existing brands of the snapshots; warns of campaigns that do not exist or are of another brand."""
    named = sorted({(it.campaign_id, it.brand_id) for it in snapshots})
    found: dict[str, BrandFacts] = {}
    for batch in in_batches(named):
        with session_scope(settings.database) as session:
            rows = brands_by_id(session, {brand_id for _, brand_id in batch} - found.keys())
            found |= {brand_id: BrandFacts(row.currency, zones_of(row)) for brand_id, row in rows.items()}
            _, owners = brands_and_campaigns(session, (), {campaign_id for campaign_id, _ in batch})
        for campaign_id, brand_id in batch:
            if brand_id in found and owners.get(campaign_id) != brand_id:
                warned(_foreign_campaign(campaign_id, brand_id, owners.get(campaign_id)))
    return found


def _foreign_campaign(campaign_id: str, brand_id: str, owner: str | None) -> str:
    if owner is None:
        return f"The catalog has no campaign {campaign_id}: its spend counts to the brand alone until then."
    return f"Campaign {campaign_id} is of brand {owner}: what it spends of {brand_id} counts to that brand alone."
