"""The rows that the ledger adds: one class for each table, whose fields are its columns."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, ClassVar, Final, Self, TypeAlias

import msgspec

from core.moment import Moment, format_moment
from core.money import format_money

__all__ = ["AckRow", "CommandRow", "CorrectionRow", "LedgerRow", "RefusalRow", "ReplayedRow", "SpendRow", "UnbookedRow"]

_Writers: TypeAlias = Mapping[str, Callable[[Any], str]]

_NULL: Final = "\\N"
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


class _TableRow(msgspec.Struct, frozen=True, gc=False):
    """A row of one table; its fields are named as the columns and stand in their order."""

    table: ClassVar[str]
    columns: ClassVar[str]
    #: Field -> the function that formats its value, where `str` would not do: moments, which are milliseconds, and
    #: money.
    written: ClassVar[_Writers] = {}

    def line(self) -> str:
        """The row in COPY's text format (PostgreSQL manual, COPY, "Text Format"), with its line end."""
        return "\t".join([self._field(name) for name in self.__struct_fields__]) + "\n"

    def reduced(self) -> Self | None:
        """The row without what PostgreSQL may refuse and no money depends on; None where nothing can be left out."""
        return None

    def _field(self, name: str) -> str:
        value = getattr(self, name)
        if value is None:
            return _NULL
        if write := self.written.get(name):
            return write(value)
        if isinstance(value, bytes):
            return f"\\\\x{value.hex()}"
        return value.translate(_ESCAPES) if isinstance(value, str) else str(value)


def _array(texts: tuple[str, ...]) -> str:
    """An array of texts in COPY's text format."""
    quoted = ",".join('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts)
    return f"{{{quoted}}}".translate(_ESCAPES)


class SpendRow(_TableRow, frozen=True, gc=False):
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

    def line(self) -> str:  # written out, because it is most of the ledger's own CPU time
        day = self.booked_day.isoformat()
        event_id = self.event_id.translate(_ESCAPES) if "\\" in self.event_id else self.event_id
        attributes = _NULL if self.attributes is None else self.attributes.translate(_ESCAPES)
        return (
            f"{self.brand_id}\t{event_id}\t{self.campaign_id}\t{format_money(self.amount_micros)}\t{self.currency}\t"
            f"{format_moment(self.occurred_at)}\t{day}\t{day[:8]}01\t{format_moment(self.arrived_at)}\t"
            f"{self.incarnation}\t{self.partition}\t{self.record_offset}\t{attributes}\n"
        )

    def reduced(self) -> Self | None:
        """The row without attributes, so that its money counts; None where there are none."""
        return None if self.attributes is None else msgspec.structs.replace(self, attributes=None)


class ReplayedRow(SpendRow, frozen=True, gc=False):
    """Spend that a replay published from the ledger. An event that is there is not added, not even as a repeat; one
    that a restored backup lacks is added like any other."""


class CommandRow(_TableRow, frozen=True, gc=False):
    table: ClassVar[str] = "control_log"
    columns: ClassVar[str] = (
        "command_id, campaign_id, brand_id, epoch, sequence, action, reasons, decided_at, message, value, "
        "topic, partition, record_offset"
    )
    written: ClassVar[_Writers] = {"decided_at": format_moment, "reasons": _array}

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

    def reduced(self) -> Self | None:
        """The row without the JSON message; it still has the exact bytes."""
        return None if self.message is None else msgspec.structs.replace(self, message=None)


class RefusalRow(_TableRow, frozen=True, gc=False):
    table: ClassVar[str] = "spend_refusal"
    columns: ClassVar[str] = (
        "incarnation, partition, record_offset, brand_id, event_id, reason, message, refused_at, "
        "letter_partition, letter_offset"
    )
    written: ClassVar[_Writers] = {"refused_at": format_moment}

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


class UnbookedRow(_TableRow, frozen=True, gc=False):
    table: ClassVar[str] = "spend_unbooked"
    columns: ClassVar[str] = "incarnation, partition, record_offset, brand_id, arrived_at, value"
    written: ClassVar[_Writers] = {"arrived_at": format_moment}

    incarnation: int
    partition: int
    record_offset: int
    brand_id: str
    arrived_at: Moment
    value: bytes


class CorrectionRow(_TableRow, frozen=True, gc=False):
    table: ClassVar[str] = "spend_correction"
    columns: ClassVar[str] = (
        "incarnation, partition, record_offset, correction_id, brand_id, campaign_id, amount, booked_on, opening, "
        "reason, arrived_at, value"
    )
    written: ClassVar[_Writers] = {"amount_micros": format_money, "arrived_at": format_moment}

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


class AckRow(_TableRow, frozen=True, gc=False):
    table: ClassVar[str] = "control_ack"
    columns: ClassVar[str] = (
        "command_id, consumer, outcome, campaign_id, applied_at, detail, arrived_at, incarnation, partition, "
        "record_offset"
    )
    written: ClassVar[_Writers] = {"applied_at": format_moment, "arrived_at": format_moment}

    command_id: str
    consumer: str
    outcome: str
    campaign_id: str
    applied_at: Moment
    detail: str | None
    arrived_at: Moment
    incarnation: int
    partition: int
    record_offset: int


LedgerRow: TypeAlias = SpendRow | CommandRow | RefusalRow | UnbookedRow | CorrectionRow | AckRow
