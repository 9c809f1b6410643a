"""Time zones and currencies of all brands, as the catalog topic tells them."""

from aiokafka import ConsumerRecord

from streams.core.partitioner import partition_of
from streams.core.refusal import Refusal
from streams.core.terms import BrandTerms, read_brand_terms
from streams.topic_reader import TopicReader

__all__ = ["Brands"]


class Brands:
    """Spend is booked only after `catch_up`: a brand or a time zone told before the spend is then known."""

    def __init__(self, reader: TopicReader) -> None:
        self.terms: dict[str, BrandTerms] = {}
        self._reader = reader

    async def catch_up(self) -> bool:
        """Read up to the end as of now. True when that told of a brand that was not known."""
        known = len(self.terms)
        async for record in self._reader.to_end():
            self._take(record)
        return len(self.terms) > known

    def _take(self, record: ConsumerRecord) -> None:
        """By the controller's rules: what it does not put in force is not in force here."""
        brand_id = (record.key or b"").decode(errors="replace")
        if record.value is None or "/" in brand_id:
            return
        if partition_of(brand_id, self._reader.partition_count) != record.partition:
            return
        terms = read_brand_terms(brand_id, record.value)
        if isinstance(terms, Refusal):
            return
        held = self.terms.get(brand_id)
        if held is None or (terms.version > held.version and terms.currency == held.currency):
            self.terms[brand_id] = terms
