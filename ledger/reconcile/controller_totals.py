"""What the controller holds, and up to where it has read, as of the end of one of its own transactions.

From the changelog and not from the workers: it has the totals and the positions that belong to them in one place, for
all partitions at once, also while no worker runs or one hands a partition over, and a worker has nothing that a crash
would leave it but this.
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
#: Megabytes in each partition, and no totals.
_EVENT_IDS: Final = b"seen/"


class ControllerTotals:
    """Totals as of the last complete flush of each partition that was read. `part` is the last record of a flush, so
    records behind the last `part` belong to an unfinished one and wait for its own."""

    def __init__(self, reader: TopicReader, brand_id: str | None = None) -> None:
        self._reader = reader
        self._changelogs: dict[int, Changelog] = defaultdict(lambda: Changelog(of_brand=brand_id, with_event_ids=False))
        self._unfinished: dict[int, dict[bytes | None, ConsumerRecord]] = defaultdict(dict)

    @property
    def parts(self) -> Mapping[int, PartRecord]:
        """The `part` of each partition that was ever flushed."""
        return {number: it.part for number, it in self._changelogs.items() if it.part is not None}

    async def read_to_end(self) -> None:
        """Up to the end as of the call."""
        async for record in self._reader.to_end():
            self._take(record)

    async def read_on(self) -> None:
        """What has come meanwhile, or nothing after a short while."""
        for record in await self._reader.batch():
            self._take(record)

    def totals(self) -> dict[str, BrandTotals]:
        """Of every brand that has a day, as a worker would restore it. For a thread: with many it takes its time."""
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
        brand.future_spend,
        {
            it.campaign_id: CampaignTotals(it.daily_micros, it.total_micros, it.future_spend)
            for it in brand.campaigns.values()
        },
    )
