"""What the controller holds, and up to where it has read, as of the end of one of its own transactions.

From the changelog and not from the workers: it has the totals and the positions that belong to them in one place, for
all partitions at once, also while no worker runs or one hands a partition over, and a worker has nothing that a crash
would leave it but this.
"""

from collections import defaultdict
from typing import Final

from aiokafka import ConsumerRecord

from streams.core.duplicates import DuplicateWindow
from streams.core.state import BrandState, PartitionState
from streams.core.storage import PartRecord, decode_part, restore
from streams.ledger.comparison import BrandTotals, CampaignTotals
from streams.topic_reader import TopicReader

__all__ = ["ControllerTotals"]

_PART: Final = "part"
_SEEN: Final = "seen"


class ControllerTotals:
    """Grows while one reads on. `part` is the last record of every flush, so what came after it is half of one, and
    waits for its own."""

    def __init__(self, reader: TopicReader, brand_id: str | None = None) -> None:
        self.parts: dict[int, PartRecord] = {}
        self._reader = reader
        self._brand_id = brand_id
        self._entries: dict[int, dict[str, bytes]] = defaultdict(dict)
        self._unfinished: dict[int, dict[str, bytes]] = defaultdict(dict)

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
        for number, entries in self._entries.items():
            state = PartitionState(number, DuplicateWindow(1))
            restore(state, entries.items())
            found.update({brand.brand_id: _totals(brand) for brand in state.brands.values() if brand.day})
        return found

    def _take(self, record: ConsumerRecord) -> None:
        key, value = record.key.decode(), record.value
        unfinished = self._unfinished[record.partition]
        if key == _PART:
            self.parts[record.partition] = decode_part(value)
            self._entries[record.partition].update(unfinished)
            unfinished.clear()
        elif value is not None and self._concerns(key):
            unfinished[key] = value

    def _concerns(self, key: str) -> bool:
        kind, _, name = key.partition("/")
        return kind != _SEEN and (self._brand_id is None or name.partition("/")[0] == self._brand_id)


def _totals(brand: BrandState) -> BrandTotals:
    assert brand.day and brand.month
    return BrandTotals(
        brand.day.date,
        brand.month.first,
        brand.daily_micros,
        brand.monthly_micros,
        brand.ahead,
        {it.campaign_id: CampaignTotals(it.daily_micros, it.total_micros, it.ahead) for it in brand.campaigns.values()},
    )
