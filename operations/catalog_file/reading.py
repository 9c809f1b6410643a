"""Reads a catalog file of any format from a stream."""

from typing import BinaryIO, Final

from operations.catalog_file.csv_rows import csv_rows
from operations.catalog_file.json_rows import json_rows
from operations.catalog_file.rows import CatalogFileFormat, FileRows
from operations.catalog_file.yaml_rows import yaml_rows
from operations.spend_import.text_lines import format_by_ending, utf8_chunks

__all__ = ["format_of", "read_rows"]

_ENDINGS: Final = {"csv": CatalogFileFormat.CSV, "yaml": CatalogFileFormat.YAML, "yml": CatalogFileFormat.YAML}


def format_of(name: str, stream: BinaryIO) -> CatalogFileFormat:
    """The format of a catalog file by the ending of its name, see `format_by_ending`."""
    return format_by_ending(name, stream, _ENDINGS)


def read_rows(stream: BinaryIO, file_format: CatalogFileFormat | None) -> FileRows:
    """All rows of the file; without a format it is the JSON that programs send. Raises RefusedValue where it is no such
    file."""
    if file_format is None:
        return json_rows(stream.read())
    return csv_rows(stream) if file_format is CatalogFileFormat.CSV else yaml_rows(b"".join(utf8_chunks(stream)))
