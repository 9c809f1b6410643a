"""Reads a file of totals of a platform or a program: one campaign and day a line. Pure.

The header shows the kind of file. Every later line that is not blank is a snapshot, a refusal, or a total of other
lines, which is skipped.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import BinaryIO, Final, NamedTuple

import msgspec

from core.errors import RefusedValue
from core.money import format_money
from core.refusal import Refusal, RefusalReason, invalid_field
from core.spend import MAX_VALUE_BYTES
from operations.csv_cells import plain_cell
from operations.snapshots.columns import Columns, SnapshotFileFormat, check_columns, columns_of
from operations.snapshots.local_numbers import Decimal, decimal_mark_of, plain_amount
from operations.spend_import.csv_lines import BLANK_BYTES, BLANKS, SEPARATORS, cells_of, named_separator
from operations.spend_import.text_lines import TextLine, text_lines

__all__ = ["LINES_MAX", "Defaults", "Row", "SkippedLine", "TotalsFile", "read_file"]

#: All lines are in memory, because a line may contradict any other one.
LINES_MAX: Final = 500_000
#: The most lines before the header: titles, dates and notes.
_BEFORE_HEADER_MAX: Final = 30
_SOURCES: Final = {SnapshotFileFormat.GOOGLE_ADS: "google-ads", SnapshotFileFormat.META_ADS: "meta-ads"}
_TOTAL: Final = re.compile(
    r"(total|totals|totales|totale|gesamt|insgesamt|summe|results from|ergebnisse aus)\b", re.IGNORECASE
)
_NOTHING: Final = ("", "-", "--", "\u2014")
_PLATFORM_ID: Final = re.compile("[0-9]{1,64}", re.ASCII)
_ROUNDED: Final = re.compile(r"[0-9]([.,][0-9]+)?E\+?[0-9]{1,3}", re.ASCII | re.IGNORECASE)
#: The dates whose parts have one order alone: with points the day is first, with the year first the day is last.
_DATES: Final = (
    re.compile(r"(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})\.(?P<year>[0-9]{4})", re.ASCII),
    re.compile(r"(?P<year>[0-9]{4})([-/.])(?P<month>[0-9]{1,2})\2(?P<day>[0-9]{1,2})", re.ASCII),
)

_decode: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Defaults(NamedTuple):
    """Values for lines without their own. A `source` of None is the platform's usual one, a `decimal` of None is found
    from the file's amounts."""

    as_of: str
    source: str | None = None
    day: str | None = None
    decimal: Decimal | None = None


class SkippedLine(NamedTuple):
    why: str


class Row(NamedTuple):
    """A line: the snapshot as it would be published, with `external_id` in place of its ids where the file has that."""

    number: int
    value: bytes | Refusal | SkippedLine
    has_own_as_of: bool = False


class TotalsFile(NamedTuple):
    """The rows of a file; `header` is the line number of the header, None for JSON lines."""

    kind: SnapshotFileFormat
    header: int | None
    rows: list[Row]


def read_file(stream: BinaryIO, defaults: Defaults) -> TotalsFile:
    """Read a file. Raises RefusedValue for one without a known header, or whose amounts contradict each other."""
    lines = [line for line in text_lines(stream, MAX_VALUE_BYTES) if line.text is None or line.text.strip(BLANK_BYTES)]
    if len(lines) > LINES_MAX:
        raise RefusedValue(f"The file has more than {LINES_MAX:,} lines: cut it into parts.")
    if lines and (lines[0].text or b"").lstrip(BLANK_BYTES).startswith(b"{"):
        return TotalsFile(SnapshotFileFormat.JSON_LINES, None, [_json_row(line, defaults) for line in lines])
    index, columns = _header(lines)
    number = lines[index].number
    check_columns(columns, number=number, has_day=defaults.day is not None)
    table = list(_table(lines[index + 1 :], columns))
    if columns.kind is SnapshotFileFormat.PLAIN:
        return TotalsFile(columns.kind, number, [_plain_row(it, columns, defaults) for it in table])
    reader = _PlatformRows(columns, table, defaults)
    return TotalsFile(columns.kind, number, [reader.row(it) for it in table])


class _TableLine(NamedTuple):
    number: int
    cells: list[str] | Refusal


def _header(lines: Sequence[TextLine]) -> tuple[int, Columns]:
    separators: Sequence[str] = SEPARATORS
    for index, line in enumerate(lines[:_BEFORE_HEADER_MAX]):
        text = (line.text or b"").decode(errors="replace")
        if named := named_separator(text):
            separators = (named,)
        elif columns := columns_of(text, separators):
            return index, columns
    raise RefusedValue(
        "None of the first lines names columns that are known. A Google Ads report has Campaign ID, Day and Cost; Meta "
        "Ads insights have campaign_id, date_start and spend, or Campaign ID, Day and Amount spent (EUR); a plain CSV "
        "has source, external_id (or brand_id and campaign_id), day, cost, and perhaps currency and as_of."
    )


def _table(lines: Iterable[TextLine], columns: Columns) -> Iterator[_TableLine]:
    for number, text in lines:
        cells = _too_long() if text is None else cells_of(text, columns.separator)
        if cells is not None:
            yield _TableLine(number, cells)


def _json_row(line: TextLine, defaults: Defaults) -> Row:
    if line.text is None:
        return Row(line.number, _too_long())
    try:
        fields = _decode(line.text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Row(line.number, line.text)  # whoever reads it says why it is none
    given = {name: raw for name, raw in fields.items() if bytes(raw) != b"null"}
    return _row(line.number, given, defaults)


def _plain_row(line: _TableLine, columns: Columns, defaults: Defaults) -> Row:
    if isinstance(line.cells, Refusal):
        return Row(line.number, line.cells)
    if refusal := _other_count(line.cells, columns):
        return Row(line.number, refusal)
    named = {name: plain_cell(line.cells[index]) for name, index in columns.index_of.items()}
    given = {name: cell for name, cell in named.items() if cell.strip(BLANKS)}
    return _row(line.number, given, defaults)


def _row(number: int, given: dict[str, object] | dict[str, str] | dict[str, msgspec.Raw], defaults: Defaults) -> Row:
    usual = {"source": defaults.source, "day": defaults.day, "as_of": defaults.as_of}
    value = {**{name: text for name, text in usual.items() if text is not None}, **given}
    return Row(number, msgspec.json.encode(value), "as_of" in given)


class _PlatformRows:
    """Reads the lines of a platform's report."""

    def __init__(self, columns: Columns, table: Sequence[_TableLine], defaults: Defaults) -> None:
        self._columns = columns
        self._defaults = defaults._replace(source=defaults.source or _SOURCES[columns.kind])
        costs = ((line.number, self._cell(line.cells, "cost")) for line in table if isinstance(line.cells, list))
        self._decimal = defaults.decimal or decimal_mark_of(costs)

    def row(self, line: _TableLine) -> Row:
        cells = line.cells
        if isinstance(cells, Refusal):
            return Row(line.number, cells)
        if self._is_total(cells):
            return Row(line.number, SkippedLine("a total of other lines"))
        fields = _other_count(cells, self._columns) or self._fields(cells)
        return Row(line.number, fields) if isinstance(fields, Refusal) else _row(line.number, fields, self._defaults)

    def _is_total(self, cells: Sequence[str]) -> bool:
        """Whether the line sums up others: it begins with a word such as "Total", or names no campaign."""
        if _PLATFORM_ID.fullmatch(self._cell(cells, "external_id")):
            return False
        first = next((cell.strip() for cell in cells if cell.strip(BLANKS)), "")
        names = [self._cell(cells, column) for column in ("external_id", "name")]
        return any(_TOTAL.match(text) for text in (first, *names)) or all(text in _NOTHING for text in names)

    def _fields(self, cells: Sequence[str]) -> dict[str, str] | Refusal:
        external_id, currency = self._cell(cells, "external_id"), self._currency(cells)
        cost = self._cost(cells, currency)
        if refusal := _id_refusal(external_id):
            return refusal
        if isinstance(cost, Refusal):
            return cost
        day = self._day(cells)
        if isinstance(day, Refusal):
            return day
        fields = {"external_id": external_id, "day": day, "cost": cost, "currency": currency}
        return {name: text for name, text in fields.items() if text}

    def _currency(self, cells: Sequence[str]) -> str:
        currency = self._cell(cells, "currency")
        return (self._columns.currency or "") if currency in _NOTHING else currency

    def _cost(self, cells: Sequence[str], currency: str) -> str | Refusal:
        if "cost_micros" in self._columns.index_of:
            micros = self._cell(cells, "cost_micros")
            if re.fullmatch("-?[0-9]{1,32}", micros, re.ASCII) is None:
                return invalid_field(f"cost_micros: not a whole number: {micros[:40]!r}")
            return format_money(int(micros))
        cost = self._cell(cells, "cost")
        if cost in _NOTHING:
            return invalid_field("cost: the cell is empty: write 0 where nothing was spent")
        return plain_amount(cost, self._decimal, currency)

    def _day(self, cells: Sequence[str]) -> str | Refusal:
        """The day in ISO form; empty where there is no such column. A column of days counts more than the period that
        the whole report is of."""
        if "day" in self._columns.index_of:
            return _iso_day(self._cell(cells, "day"))
        if "first_day" not in self._columns.index_of:
            return ""
        first = _iso_day(self._cell(cells, "first_day"))
        last = _iso_day(self._cell(cells, "last_day")) if "last_day" in self._columns.index_of else first
        if isinstance(first, Refusal) or isinstance(last, Refusal):
            return first if isinstance(first, Refusal) else last
        if first != last:
            return invalid_field(f"day: the line is of {first} to {last}: make the report by day")
        return first

    def _cell(self, cells: Sequence[str] | Refusal, name: str) -> str:
        """The cell without blanks around it; empty where there is no such column or cell."""
        index = self._columns.index_of.get(name)
        return cells[index].strip() if index is not None and index < len(cells) else ""


def _id_refusal(external_id: str) -> Refusal | None:
    if _PLATFORM_ID.fullmatch(external_id):
        return None
    if _ROUNDED.fullmatch(external_id):
        return invalid_field(
            f"external_id: {external_id} is an id that a spreadsheet has rounded: import the file as the platform "
            "wrote it"
        )
    return invalid_field(f"external_id: not the id of a campaign: {external_id[:40]!r}")


def _iso_day(text: str) -> str | Refusal:
    found = next((found for pattern in _DATES if (found := pattern.fullmatch(text))), None)
    try:
        if found is not None:
            return date(int(found["year"]), int(found["month"]), int(found["day"])).isoformat()
    except ValueError:
        pass
    if not text:
        return invalid_field("day: the cell is empty")
    return invalid_field(f"day: no date such as 2026-11-24 or 24.11.2026: {text[:40]!r}")


def _other_count(cells: Sequence[str], columns: Columns) -> Refusal | None:
    if len(cells) < columns.width or any(cell.strip(BLANKS) for cell in cells[columns.width :]):
        return invalid_field(f"{len(cells)} cells, but the header names {columns.width}")
    return None


def _too_long() -> Refusal:
    return Refusal(RefusalReason.TOO_LARGE, f"the line has more than {MAX_VALUE_BYTES} bytes")
