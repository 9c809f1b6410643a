"""A file of spend events, CSV with a header or JSON lines, one line after the other, however many there are."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from streams.core.refusal import Refusal, RefusalReason
from streams.core.spend import MAX_VALUE_BYTES
from streams.errors import RefusedValue

if TYPE_CHECKING:
    import _csv

__all__ = ["FileFormat", "Line", "format_of", "lines_of"]

_REQUIRED: Final = ("event_id", "brand_id", "campaign_id", "amount")
_OPTIONAL: Final = ("currency", "occurred_at", "attributes")
#: Two bytes more than a value may have, so that the longest good line ends within it.
_LINE_MAX: Final = MAX_VALUE_BYTES + 2


class FileFormat(StrEnum):
    CSV = "csv"
    JSON_LINES = "jsonl"


class Line(NamedTuple):
    """The event of one line as it would be sent, or why it is none."""

    number: int
    value: bytes | Refusal


def format_of(name: str) -> FileFormat:
    """By the ending of the file's name."""
    ending = name.rpartition(".")[2].lower()
    if ending == "csv":
        return FileFormat.CSV
    if ending in ("jsonl", "ndjson", "json"):
        return FileFormat.JSON_LINES
    raise RefusedValue(f"{name[-80:]!r} does not tell its format by its ending: write --format csv or --format jsonl.")


def lines_of(stream: BinaryIO, file_format: FileFormat) -> Iterator[Line]:
    """Blank lines are passed over; numbers are those of an editor."""
    return _csv_lines(stream) if file_format is FileFormat.CSV else _json_lines(stream)


def _json_lines(stream: BinaryIO) -> Iterator[Line]:
    number = 0
    while raw := stream.readline(_LINE_MAX):
        number += 1
        if len(raw) == _LINE_MAX and not raw.endswith(b"\n"):
            _skip_rest(stream)
            yield Line(number, _refused(RefusalReason.TOO_LARGE, f"the line has more than {MAX_VALUE_BYTES} bytes"))
        elif value := raw.strip():
            yield Line(number, value)


def _skip_rest(stream: BinaryIO) -> None:
    while (rest := stream.readline(_LINE_MAX)) and not rest.endswith(b"\n"):
        pass


def _csv_lines(stream: BinaryIO) -> Iterator[Line]:
    # What is no UTF-8 comes through as surrogates, so that its own line is refused and not the file.
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _csv_rows(csv.reader(text))
    finally:
        text.detach()  # the stream is its owner's to close


def _csv_rows(rows: "_csv.Reader") -> Iterator[Line]:
    header = _header(next(rows, []))
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(rows.line_num, _refused(RefusalReason.INVALID_FIELD, f"the line is no CSV: {error}"))
            continue
        if cells:
            yield Line(rows.line_num, _event(header, cells))


def _header(cells: Sequence[str]) -> list[str]:
    header = [cell.strip().lower() for cell in cells]
    missing = [name for name in _REQUIRED if name not in header]
    if missing:
        raise RefusedValue(
            f"The first line must name the columns, separated by commas; {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not among them."
        )
    if len(set(header)) < len(header):
        raise RefusedValue("The first line names a column twice.")
    return header


def _event(header: Sequence[str], cells: Sequence[str]) -> bytes | Refusal:
    if len(cells) != len(header):
        return _refused(RefusalReason.INVALID_FIELD, f"{len(cells)} cells, but the first line names {len(header)}")
    named = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    event: dict[str, object] = {name: named[name] for name in _REQUIRED}
    event |= {name: named[name] for name in _OPTIONAL if named.get(name)}
    try:
        if "attributes" in event:
            event["attributes"] = json.loads(named["attributes"])
        return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return _refused(RefusalReason.INVALID_FIELD, "the line is not UTF-8")
    except (ValueError, RecursionError) as error:
        return _refused(RefusalReason.INVALID_FIELD, f"attributes: not JSON: {error}")


def _refused(reason: RefusalReason, message: str) -> Refusal:
    return Refusal(reason, message)
