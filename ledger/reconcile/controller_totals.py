"""The controller's totals and applied offsets, as of the end of one of its transactions.

Read from `controller-state` and not from the workers: it has totals and the offsets that belong to them in one place,
for all partitions, also while no worker runs or a partition is handed over, and a worker restores exactly this.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from aiokafka import ConsumerRecord

from core.changelog import Changelog
from core.duplicates import DuplicateWindow
from core.state import BrandState, PartitionState
from core.state_records import PartRecord
from ledger.reconcile.comparison import BrandTotals, CampaignTotals
from streams.kafka.reader import TopicReader
from streams.kafka.restore import apply_record

__all__ = ["ControllerTotals"]

_PART: Final = b"part"
#: Megabytes in each partition that have no totals.
_EVENT_IDS: Final = b"seen/"


class ControllerTotals:
    """The totals as of the last complete flush of each partition. `part` is the last record of a flush, so records
    behind the last `part` are applied only when the `part` of their flush comes."""

    def __init__(self, reader: TopicReader, brand_id: str | None = None) -> None:
        self._reader = reader
        self._changelogs: dict[int, Changelog] = defaultdict(lambda: Changelog(of_brand=brand_id, with_event_ids=False))
        self._unfinished: dict[int, dict[bytes | None, ConsumerRecord]] = defaultdict(dict)

    @property
    def parts(self) -> Mapping[int, PartRecord]:
        """The `part` of each partition that was ever flushed."""
        return {number: it.part for number, it in self._changelogs.items() if it.part is not None}

    async def read_to_end(self) -> None:
        """Read up to the end of the topic as of the call."""
        async for record in self._reader.to_end():
            self._take(record)

    async def read_on(self) -> None:
        """Read what has come meanwhile; returns after one poll."""
        for record in await self._reader.batch():
            self._take(record)

    def totals(self) -> dict[str, BrandTotals]:
        """The totals of every brand that has an open day, by brand. Call it in a thread: it may take seconds."""
        found = {}
        for number, changelog in self._changelogs.items():
            state = PartitionState(number, DuplicateWindow(1))
            changelog.restore(state)
            found.update({brand.brand_id: _totals(brand) for brand in state.brands.values() if brand.day})
        return found

    def _take(self, record: ConsumerRecord) -> None:
        unfinished = self._unfinished[record.partition]
        if record.key != _PART:
            if not (record.key or b"").startswith(_EVENT_IDS):
                unfinished[record.key] = record
            return
        changelog = self._changelogs[record.partition]
        if apply_record(changelog, record).skipped is None:
            for one in unfinished.values():
                apply_record(changelog, one)
            unfinished.clear()


def _totals(brand: BrandState) -> BrandTotals:
    assert brand.day and brand.month
    return BrandTotals(
        brand.day.date,
        brand.month.first,
        brand.daily_micros,
        brand.monthly_micros,
        dict(brand.future_spend),
        {
            it.campaign_id: CampaignTotals(it.daily_micros, it.total_micros, dict(it.future_spend))
            for it in brand.campaigns.values()
        },
    )
