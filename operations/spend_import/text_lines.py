"""Reads the lines of a text file of any common encoding and line ends, in bounded memory."""

import codecs
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import BinaryIO, Final, NamedTuple, TypeVar

from core.errors import RefusedValue

__all__ = ["TextLine", "format_by_ending", "text_lines", "utf8_chunks"]

_CHUNK_BYTES: Final = 64 * 1024
_AS_UTF8 = "save it as text in UTF-8"
#: First bytes of files that are not text in a known encoding, longer ones first.
_NO_TEXT: Final = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"%PDF": "a PDF",
    b"BZh": "compressed with bzip2",
    b"\x1f\x8b": "compressed with gzip",
}


_Format = TypeVar("_Format", bound=StrEnum)


class TextLine(NamedTuple):
    """A line. `text` is its bytes in UTF-8 without the line end, invalid ones included; None when it is too long."""

    number: int
    text: bytes | None


def text_lines(stream: BinaryIO, longest: int) -> Iterator[TextLine]:
    """Every line, blank ones too; a single carriage return ends a line too. Raises RefusedValue for a binary file."""
    number, rest = 0, b""
    for chunk in utf8_chunks(stream):
        *lines, rest = (rest + chunk).splitlines(keepends=True)
        if rest.endswith(b"\n"):
            lines, rest = [*lines, rest], b""
        for line in lines:
            number += 1
            yield _line(number, line, longest)
        if len(rest) > longest + 2:
            rest = rest[: longest + 1] + rest[-1:]  # too long already; its last byte may be half of its end
    if rest:
        yield _line(number + 1, rest, longest)


def _line(number: int, line: bytes, longest: int) -> TextLine:
    text = line.rstrip(b"\r\n")
    return TextLine(number, text if len(text) <= longest else None)


def format_by_ending(name: str, stream: BinaryIO, formats: Mapping[str, _Format]) -> _Format:
    """The format of a file by the ending of its name. Raises RefusedValue for any other ending; for a file that no
    format would make readable, the sentence says first what it is."""
    if found := formats.get(name.rpartition(".")[2].lower()):
        return found
    utf8_chunks(stream)
    options = " or ".join(f"--format {it}" for it in dict.fromkeys(formats.values()))
    raise RefusedValue(f"{name[-80:]!r} has no ending that shows its format: write {options}.")


def utf8_chunks(stream: BinaryIO) -> Iterator[bytes]:
    """The file in UTF-8 without a byte order mark. Raises RefusedValue for an empty or a binary file."""
    first = stream.read(_CHUNK_BYTES)
    if not first:
        raise RefusedValue("The file is empty.")
    for beginning, what in _NO_TEXT.items():
        if first.startswith(beginning):
            raise RefusedValue(f"The file is {what}: {_AS_UTF8}.")
    chunks = _chunks(first, stream)
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _from_utf16(chunks)
    if b"\0" in first[:2]:
        raise RefusedValue(f"The file begins with a NUL: it is UTF-16 that does not say so, or no text; {_AS_UTF8}.")
    return chunks


def _chunks(first: bytes, stream: BinaryIO) -> Iterator[bytes]:
    chunk = first.removeprefix(codecs.BOM_UTF8)
    if chunk:
        yield chunk
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


def _from_utf16(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """UTF-16 as UTF-8. Half a surrogate pair becomes invalid UTF-8, so that its line is refused and not the file."""
    decoder = codecs.getincrementaldecoder("utf-16")("surrogatepass")
    for chunk in chunks:
        if text := decoder.decode(chunk):
            yield text.encode(errors="surrogatepass")
    if decoder.getstate()[0]:
        yield b"\xff"
