"""Reads a file of spend events, CSV with a header or JSON lines: one event a line, of any number.

Every line that is not blank is an event or a refusal. Values are taken as they are written, blanks included.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import chain, islice
from typing import BinaryIO, Final, NamedTuple

import msgspec

from core.errors import RefusedValue
from core.refusal import Refusal, RefusalReason, invalid_field
from core.spend import MAX_VALUE_BYTES
from operations.csv_cells import plain_cell
from operations.spend_import.csv_lines import BLANK_BYTES, BLANKS, SEPARATORS, cells_of, named_separator, names_of
from operations.spend_import.text_lines import TextLine, format_by_ending, text_lines

__all__ = ["Line", "SpendFileFormat", "format_of", "lines_of"]

_REQUIRED: Final = ("event_id", "brand_id", "campaign_id", "amount")
_OPTIONAL: Final = ("currency", "occurred_at", "attributes")


class SpendFileFormat(StrEnum):
    CSV = "csv"
    JSON_LINES = "jsonl"


_ENDINGS: Final = {
    "csv": SpendFileFormat.CSV,
    **dict.fromkeys(("jsonl", "ndjson", "json"), SpendFileFormat.JSON_LINES),
}


class Line(NamedTuple):
    """A line: the event as it would be published, or its refusal."""

    number: int
    value: bytes | Refusal


def format_of(name: str, stream: BinaryIO) -> SpendFileFormat:
    """The format of a file of spend by the ending of its name, see `format_by_ending`."""
    return format_by_ending(name, stream, _ENDINGS)


def lines_of(stream: BinaryIO, file_format: SpendFileFormat) -> Iterator[Line]:
    """The lines of a file with their line numbers, without blank ones. Raises RefusedValue at once for a file that has
    none, so that nobody has connected for it."""
    texts = text_lines(stream, MAX_VALUE_BYTES)
    lines = _csv_lines(texts) if file_format is SpendFileFormat.CSV else _json_lines(texts)
    return chain(list(islice(lines, 1)), lines)


def _json_lines(lines: Iterable[TextLine]) -> Iterator[Line]:
    for number, text in lines:
        if text is None:
            yield _too_long(number)
        elif value := text.strip(BLANK_BYTES):
            yield Line(number, value)


def _csv_lines(lines: Iterator[TextLine]) -> Iterator[Line]:
    columns = _columns(lines)
    for number, text in lines:
        if text is None:
            yield _too_long(number)
        elif text.strip(BLANK_BYTES):
            value = _row(text, columns)
            if value is not None:
                yield Line(number, value)


def _too_long(number: int) -> Line:
    return Line(number, Refusal(RefusalReason.TOO_LARGE, f"the line has more than {MAX_VALUE_BYTES} bytes"))


class _Columns(NamedTuple):
    separator: str
    names: Sequence[str]  # an empty one is of a column that nobody named


def _columns(lines: Iterator[TextLine]) -> _Columns:
    """The columns of the first line that is not blank, or of the next one after a line such as `sep=;`."""
    first, separators = _first_text(lines), SEPARATORS
    if named := named_separator(first):
        first, separators = _first_text(lines), (named,)
    columns = max((_Columns(it, names_of(first, it)) for it in separators), key=_known_names)
    _check_names(columns.names)
    return columns


def _first_text(lines: Iterator[TextLine]) -> str:
    for number, text in lines:
        if text is None or text.strip(BLANK_BYTES):
            try:
                return (text or b"\xff").decode()
            except UnicodeDecodeError:
                raise RefusedValue(f"Line {number} must name the columns; it is no such line of UTF-8.") from None
    raise RefusedValue("The first line must name the columns; there is none.")


def _known_names(columns: _Columns) -> int:
    return sum(name in columns.names for name in (*_REQUIRED, *_OPTIONAL))


def _check_names(names: Sequence[str]) -> None:
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise RefusedValue(
            f"The first line must name the columns, separated by commas, semicolons or tabs; {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not among them."
        )
    if twice := [name for name, count in Counter(names).items() if name and count > 1]:
        raise RefusedValue(f"The first line names the column {twice[0][:40]!r} twice.")


def _row(text: bytes, columns: _Columns) -> bytes | Refusal | None:
    cells = cells_of(text, columns.separator)
    return _event(cells, columns.names) if isinstance(cells, list) else cells


def _event(cells: Sequence[str], names: Sequence[str]) -> bytes | Refusal:
    if len(cells) < len(names) or any(cell.strip(BLANKS) for cell in cells[len(names) :]):
        return invalid_field(f"{len(cells)} cells, but the first line names {len(names)}")
    named = {name: plain_cell(cell) for name, cell in zip(names, cells, strict=False)}
    event: dict[str, object] = {name: named[name] for name in _REQUIRED}
    event |= {name: named[name] for name in _OPTIONAL if named.get(name, "").strip(BLANKS)}
    if "attributes" in event:
        try:
            # The text is published unchanged: a number that is decoded and encoded again may differ.
            event["attributes"] = msgspec.json.decode(named["attributes"], type=msgspec.Raw)
        except (msgspec.DecodeError, RecursionError) as error:
            return invalid_field(f"attributes: not JSON: {error}")
    return msgspec.json.encode(event)
