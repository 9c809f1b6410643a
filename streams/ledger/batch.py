"""One poll of records: its rows, what is to be told of records that can be none, and where reading goes on."""

from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import ConsumerRecord, TopicPartition

from streams.core.refusal import Refusal, RefusalReason
from streams.core.terms import BrandTerms
from streams.dead_letters import Outbox
from streams.ledger import metrics
from streams.ledger.reading import Skipped, command_row, refusal_row, spend_row
from streams.ledger.rows import Row, SpendRow, UnbookedRow
from streams.settings import Settings
from streams.topics import Topic

__all__ = ["Batch", "original_of"]

_NO_TIMESTAMP_TYPE: Final = 0

Records = Mapping[TopicPartition, Sequence[ConsumerRecord]]


class Batch:
    """Rows in the order of their records, so that of two records of one event the first is the one that is kept."""

    def __init__(self, settings: Settings, fetched: Records, brands: Mapping[str, BrandTerms]) -> None:
        self._spend_topic = settings.topic(Topic.SPEND_EVENTS)
        self._letters_topic = settings.topic(Topic.DEAD_LETTERS)
        self._partitions = settings.partitions
        self._brands = brands
        self._records: dict[tuple[int, int], ConsumerRecord] = {}
        self.rows: list[Row] = []
        self.letters = Outbox()
        self.offsets = {part: records[-1].offset + 1 for part, records in fetched.items() if records}
        self.newest_arrival = max((records[-1].timestamp for records in fetched.values() if records), default=0)
        for records in fetched.values():
            for record in records:
                self.take(record)

    def take(self, record: ConsumerRecord) -> None:
        row: Row | Refusal | Skipped
        if record.topic == self._spend_topic:
            row = spend_row(record, self._brands, self._partitions)
            self._records[record.partition, record.offset] = record
        elif record.topic == self._letters_topic:
            row = refusal_row(record, self._spend_topic)
        else:
            row = command_row(record)
        if isinstance(row, Refusal):
            self.letters.dead_letter(record, row)
        elif isinstance(row, Skipped):
            metrics.SKIPPED.labels(row.why).inc()
        else:
            self.rows.append(row)

    def refused(self, row: Row) -> bool:
        """The database does not take this row as it is: spend becomes a dead letter; False for all else."""
        if not isinstance(row, SpendRow):
            return False
        what = "its attributes are kept nowhere, its money is" if row.reduced() else "it is not in the ledger"
        refusal = Refusal(RefusalReason.NOT_STORABLE, f"PostgreSQL refuses the row: {what}")
        self.letters.dead_letter(self._records[row.partition, row.record_offset], refusal)
        return True


def original_of(row: UnbookedRow) -> ConsumerRecord:
    """The record again, in its place and under its brand's key; its headers told nothing but the arrival."""
    key = row.brand_id.encode()
    return ConsumerRecord(
        row.topic,
        row.partition,
        row.record_offset,
        row.arrived_at,
        _NO_TIMESTAMP_TYPE,
        key,
        row.value,
        None,
        len(key),
        len(row.value),
        (),
    )
