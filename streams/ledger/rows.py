"""What the ledger adds to its tables: one class a table, each row knows its line of COPY's text format."""

from datetime import date
from typing import ClassVar, Self, TypeAlias

import msgspec

from streams.core.moment import Moment, format_moment
from streams.core.money import format_money

__all__ = ["CommandRow", "CorrectionRow", "RefusalRow", "ReplayedRow", "Row", "SpendRow", "UnbookedRow"]

_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


class SpendRow(msgspec.Struct, frozen=True, gc=False):
    table: ClassVar[str] = "spend_log"
    columns: ClassVar[str] = (
        "brand_id, event_id, campaign_id, amount, currency, occurred_at, booked_day, booked_month, arrived_at, "
        "incarnation, partition, record_offset, attributes"
    )

    brand_id: str
    event_id: str
    campaign_id: str
    amount_micros: int
    currency: str
    occurred_at: Moment
    booked_day: date
    arrived_at: Moment
    incarnation: int
    partition: int
    record_offset: int
    attributes: str | None

    def line(self) -> str:
        day = self.booked_day.isoformat()
        event_id = self.event_id.translate(_ESCAPES) if "\\" in self.event_id else self.event_id
        attributes = _NULL if self.attributes is None else self.attributes.translate(_ESCAPES)
        return (
            f"{self.brand_id}\t{event_id}\t{self.campaign_id}\t{format_money(self.amount_micros)}\t{self.currency}\t"
            f"{format_moment(self.occurred_at)}\t{day}\t{day[:8]}01\t{format_moment(self.arrived_at)}\t"
            f"{self.incarnation}\t{self.partition}\t{self.record_offset}\t{attributes}\n"
        )

    def reduced(self) -> Self | None:
        """The money counts, whatever came along with it; None when nothing can be left out."""
        return None if self.attributes is None else msgspec.structs.replace(self, attributes=None)


class ReplayedRow(SpendRow, frozen=True, gc=False):
    """Spend that came out of the ledger: one that is there is not even a repeat. After the database was restored from
    a backup it may be missing, and is added like any other."""


class CommandRow(msgspec.Struct, frozen=True, gc=False):
    table: ClassVar[str] = "control_log"
    columns: ClassVar[str] = (
        "command_id, campaign_id, brand_id, epoch, sequence, action, reasons, decided_at, message, value, "
        "topic, partition, record_offset"
    )

    command_id: str
    campaign_id: str
    brand_id: str
    epoch: int
    sequence: int
    action: str
    reasons: tuple[str, ...]
    decided_at: Moment
    message: str | None
    value: bytes
    topic: str
    partition: int
    record_offset: int

    def line(self) -> str:
        reasons = ",".join('"' + reason.replace("\\", "\\\\").replace('"', '\\"') + '"' for reason in self.reasons)
        return _line(
            self.command_id,
            self.campaign_id,
            self.brand_id,
            self.epoch,
            self.sequence,
            self.action,
            f"{{{reasons}}}",
            format_moment(self.decided_at),
            self.message,
            self.value,
            self.topic,
            self.partition,
            self.record_offset,
        )

    def reduced(self) -> Self | None:
        """The exact bytes are kept all the same."""
        return None if self.message is None else msgspec.structs.replace(self, message=None)


class RefusalRow(msgspec.Struct, frozen=True, gc=False):
    table: ClassVar[str] = "spend_refusal"
    columns: ClassVar[str] = (
        "incarnation, partition, record_offset, brand_id, event_id, reason, message, refused_at, "
        "letter_partition, letter_offset"
    )

    incarnation: int
    partition: int
    record_offset: int
    brand_id: str | None
    event_id: str | None
    reason: str
    message: str
    refused_at: Moment
    letter_partition: int
    letter_offset: int

    def line(self) -> str:
        return _line(
            self.incarnation,
            self.partition,
            self.record_offset,
            self.brand_id,
            self.event_id,
            self.reason,
            self.message,
            format_moment(self.refused_at),
            self.letter_partition,
            self.letter_offset,
        )

    def reduced(self) -> Self | None:
        return None


class UnbookedRow(msgspec.Struct, frozen=True, gc=False):
    table: ClassVar[str] = "spend_unbooked"
    columns: ClassVar[str] = "incarnation, partition, record_offset, brand_id, arrived_at, value"

    incarnation: int
    partition: int
    record_offset: int
    brand_id: str
    arrived_at: Moment
    value: bytes

    def line(self) -> str:
        arrived_at = format_moment(self.arrived_at)
        return _line(self.incarnation, self.partition, self.record_offset, self.brand_id, arrived_at, self.value)

    def reduced(self) -> Self | None:
        return None


class CorrectionRow(msgspec.Struct, frozen=True, gc=False):
    table: ClassVar[str] = "spend_correction"
    columns: ClassVar[str] = (
        "incarnation, partition, record_offset, correction_id, brand_id, campaign_id, amount, booked_on, opening, "
        "reason, arrived_at, value"
    )

    incarnation: int
    partition: int
    record_offset: int
    correction_id: str
    brand_id: str
    campaign_id: str
    amount_micros: int
    booked_on: date
    opening: bool
    reason: str
    arrived_at: Moment
    value: bytes

    def line(self) -> str:
        return _line(
            self.incarnation,
            self.partition,
            self.record_offset,
            self.correction_id,
            self.brand_id,
            self.campaign_id,
            format_money(self.amount_micros),
            self.booked_on.isoformat(),
            str(self.opening),
            self.reason,
            format_moment(self.arrived_at),
            self.value,
        )

    def reduced(self) -> Self | None:
        return None


Row: TypeAlias = SpendRow | CommandRow | RefusalRow | UnbookedRow | CorrectionRow


def _line(*values: str | bytes | int | None) -> str:
    return "\t".join(map(_field, values)) + "\n"


def _field(value: str | bytes | int | None) -> str:
    if value is None:
        return _NULL
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    return value.translate(_ESCAPES) if isinstance(value, str) else str(value)
