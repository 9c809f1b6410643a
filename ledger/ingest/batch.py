"""The rows of one poll, the dead letters of records that cannot become rows, and the next positions."""

from collections.abc import Mapping
from typing import Final

import structlog
from aiokafka import ConsumerRecord

from core.refusal import Refusal, RefusalReason
from ledger.ingest import ledger_metrics
from ledger.ingest.brand_configs import BrandConfigs
from ledger.ingest.decode import SkippedRecord, ack_row, command_row, correction_row, refusal_row, spend_row
from ledger.ingest.offsets import ConsumerPositions, Fetched
from ledger.ingest.rows import CorrectionRow, LedgerRow, SpendRow, UnbookedRow
from streams.dead_letters.outbox import Outbox
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["Batch", "original_of"]

log = structlog.get_logger()

_NO_TIMESTAMP_TYPE: Final = 0


class Batch:
    """Rows in the order of their records, so that of two records of one event the first is added."""

    def __init__(
        self,
        settings: Settings,
        brands: BrandConfigs,
        incarnations: Mapping[str, int],
        fetched: Fetched,
        positions: ConsumerPositions,
    ) -> None:
        self._spend_topic = settings.topic(Topic.SPEND_EVENTS)
        self._take = {
            self._spend_topic: self._spend,
            settings.topic(Topic.DEAD_LETTERS): self._refusal,
            settings.topic(Topic.SPEND_CORRECTIONS): self._correction,
            settings.topic(Topic.CAMPAIGN_CONTROL): self._command,
            settings.topic(Topic.CONTROL_ACKS): self._ack,
        }
        self._partitions = settings.partitions
        self._brands = brands
        self._incarnations = incarnations
        self._records: dict[tuple[int, int, int], ConsumerRecord] = {}
        self.rows: list[LedgerRow] = []
        self.dead_letters = Outbox()
        #: Partition -> next offset, as it is committed to the group.
        self.offsets = positions
        self.newest_arrival = max((records[-1].timestamp for records in fetched.values() if records), default=0)
        for part, records in fetched.items():
            for record in records:
                self._note(record, self._row(record, incarnations[part.topic]))

    @property
    def positions(self) -> dict[tuple[int, int], int]:
        """(incarnation, partition) -> next offset, as it is saved in the database."""
        return {(self._incarnations[part.topic], part.partition): at for part, at in self.offsets.items()}

    def take_unbooked(self, row: UnbookedRow) -> None:
        """Add the spend row that an unbooked row becomes when its brand is known."""
        record = original_of(row, self._spend_topic)
        self._note(record, self._spend(record, row.incarnation))

    def _row(self, record: ConsumerRecord, incarnation: int) -> LedgerRow | Refusal | SkippedRecord:
        try:
            return self._take[record.topic](record, incarnation)
        except Exception as error:  # a defect, which must not stop other records
            where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
            log.exception("record_not_understood", **where)
            if record.topic == self._spend_topic:
                return Refusal(RefusalReason.NOT_STORABLE, f"no row can be made of it: {error!r}")
            return SkippedRecord("not_understood")

    def _spend(self, record: ConsumerRecord, incarnation: int) -> LedgerRow | Refusal | SkippedRecord:
        self._records[incarnation, record.partition, record.offset] = record
        return spend_row(record, incarnation, self._brands, self._partitions)

    def _refusal(self, record: ConsumerRecord, _: int) -> LedgerRow | SkippedRecord:
        return refusal_row(record, self._spend_topic, self._incarnations[self._spend_topic])

    def _correction(self, record: ConsumerRecord, incarnation: int) -> LedgerRow | SkippedRecord:
        row = correction_row(record, incarnation)
        if isinstance(row, CorrectionRow):
            self._brands.note_spend(row.brand_id, row.arrived_at)
        return row

    def _command(self, record: ConsumerRecord, _: int) -> LedgerRow | SkippedRecord:
        return command_row(record)

    def _ack(self, record: ConsumerRecord, incarnation: int) -> LedgerRow | SkippedRecord:
        return ack_row(record, incarnation)

    def _note(self, record: ConsumerRecord, row: LedgerRow | Refusal | SkippedRecord) -> None:
        if isinstance(row, Refusal):
            self.dead_letters.dead_letter(record, row)
        elif isinstance(row, SkippedRecord):
            ledger_metrics.SKIPPED.labels(row.why).inc()
        else:
            self.rows.append(row)

    def refused(self, row: LedgerRow) -> bool:
        """Make a dead letter of a row that the database refused. Returns False for a row that is not spend, which has
        none."""
        if not isinstance(row, SpendRow):
            return False
        what = "its attributes are kept nowhere, its money is" if row.reduced() else "it is not in the ledger"
        refusal = Refusal(RefusalReason.NOT_STORABLE, f"PostgreSQL refuses the row: {what}")
        self.dead_letters.dead_letter(self._records[row.incarnation, row.partition, row.record_offset], refusal)
        return True


def original_of(row: UnbookedRow, topic: str) -> ConsumerRecord:
    """The record that the row was made from, at its offset and with its brand's key. Its only header was the arrival,
    which the row has."""
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
