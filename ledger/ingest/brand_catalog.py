"""Reads the documents of all brands from the catalog topic: their time zones and currencies."""

from aiokafka import ConsumerRecord

from core.acceptance import Tolerance
from core.catalog import read_brand_config
from core.partitioner import partition_of
from core.refusal import Refusal
from ledger.ingest.brand_configs import BrandConfigs
from streams.kafka.reader import TopicReader

__all__ = ["BrandCatalog"]


class BrandCatalog:
    """The brands of the catalog. Call `catch_up` before booking spend, so that every brand and time zone that was
    published before the spend is known."""

    def __init__(self, reader: TopicReader, tolerance: Tolerance) -> None:
        self.configs = BrandConfigs(tolerance)
        self._reader = reader

    async def catch_up(self) -> bool:
        """Read the topic up to its current end. Returns whether a brand was added."""
        known = len(self.configs)
        async for record in self._reader.to_end():
            self._take(record)
        return len(self.configs) > known

    def _take(self, record: ConsumerRecord) -> None:
        """Apply a document by the controller's rules (`read_brand_config`, `replaces`)."""
        brand_id = (record.key or b"").decode(errors="replace")
        if record.value is None or "/" in brand_id:
            return
        if partition_of(brand_id, self._reader.partition_count) != record.partition:
            return
        config = read_brand_config(brand_id, record.value)
        if not isinstance(config, Refusal):
            self.configs.take(brand_id, config, record.timestamp)
