"""One poll of records: its rows, what is to be told of records that can be none, and where reading goes on."""

from collections.abc import Mapping
from typing import Final

from aiokafka import ConsumerRecord

from streams.core.refusal import Refusal, RefusalReason
from streams.core.terms import BrandTerms
from streams.dead_letters import Outbox
from streams.ledger import metrics
from streams.ledger.places import Fetched, Positions
from streams.ledger.reading import Skipped, command_row, correction_row, refusal_row, spend_row
from streams.ledger.rows import Row, SpendRow, UnbookedRow
from streams.settings import Settings
from streams.topics import Topic

__all__ = ["Batch", "original_of"]

_NO_TIMESTAMP_TYPE: Final = 0


class Batch:
    """Rows in the order of their records, so that of two records of one event the first is the one that is kept."""

    def __init__(
        self,
        settings: Settings,
        brands: Mapping[str, BrandTerms],
        incarnations: Mapping[str, int],
        fetched: Fetched,
        positions: Positions,
    ) -> None:
        self._spend_topic = settings.topic(Topic.SPEND_EVENTS)
        self._take = {
            self._spend_topic: self._spend,
            settings.topic(Topic.DEAD_LETTERS): self._refusal,
            settings.topic(Topic.SPEND_CORRECTIONS): correction_row,
            settings.topic(Topic.CAMPAIGN_CONTROL): self._command,
        }
        self._partitions = settings.partitions
        self._brands = brands
        self._incarnations = incarnations
        self._records: dict[tuple[int, int, int], ConsumerRecord] = {}
        self.rows: list[Row] = []
        self.letters = Outbox()
        #: What is read next of each partition, as the group is told.
        self.offsets = positions
        self.newest_arrival = max((records[-1].timestamp for records in fetched.values() if records), default=0)
        for part, records in fetched.items():
            for record in records:
                self._note(record, self._take[part.topic](record, incarnations[part.topic]))

    @property
    def positions(self) -> dict[tuple[int, int], int]:
        """The same, as the database is told."""
        return {(self._incarnations[part.topic], part.partition): at for part, at in self.offsets.items()}

    def take_unbooked(self, row: UnbookedRow) -> None:
        record = original_of(row, self._spend_topic)
        self._note(record, self._spend(record, row.incarnation))

    def _spend(self, record: ConsumerRecord, incarnation: int) -> Row | Refusal | Skipped:
        self._records[incarnation, record.partition, record.offset] = record
        return spend_row(record, incarnation, self._brands, self._partitions)

    def _refusal(self, record: ConsumerRecord, _: int) -> Row | Skipped:
        return refusal_row(record, self._spend_topic, self._incarnations[self._spend_topic])

    def _command(self, record: ConsumerRecord, _: int) -> Row | Skipped:
        return command_row(record)

    def _note(self, record: ConsumerRecord, row: Row | Refusal | Skipped) -> None:
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
        self.letters.dead_letter(self._records[row.incarnation, row.partition, row.record_offset], refusal)
        return True


def original_of(row: UnbookedRow, topic: str) -> ConsumerRecord:
    """The record again, in its place and under its brand's key; its headers told nothing but the arrival."""
    key = row.brand_id.encode()
    return ConsumerRecord(
        topic,
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
