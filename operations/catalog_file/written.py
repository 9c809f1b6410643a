"""Writes rows of the catalog as the text of a file. Pure: no I/O."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogEntity
from operations.catalog_file.columns import COLUMN_NAMES, COLUMNS, columns_of, value_in
from operations.catalog_file.rows import CatalogFileFormat, Value
from operations.catalog_file.text_cells import text_cell

__all__ = ["FREE_TEXTS", "NONE", "exported", "file_text"]

#: The cell of CSV that clears a value; an empty one leaves it as it is.
NONE: Final = "none"
#: Columns whose cells are marked where a spreadsheet would convert them.
FREE_TEXTS: Final = {"brand_id", "campaign_id", *(column.name for column in COLUMNS if column.kind.is_free_text)}


def exported(row: Brand | Campaign) -> dict[str, Value]:
    """The row with all columns of its kind."""
    kind = CatalogEntity.BRAND if isinstance(row, Brand) else CatalogEntity.CAMPAIGN
    identity: dict[str, Value] = {"kind": kind.value, "brand_id": row.brand_id}
    if isinstance(row, Campaign):
        identity["campaign_id"] = row.campaign_id
    identity["revision"] = str(row.revision)
    return identity | {it.name: it.kind.in_file(value_in(row, it)) for it in columns_of(kind)}


def file_text(rows: Iterable[Brand | Campaign], file_format: CatalogFileFormat) -> Iterator[str]:
    """The file, in parts of any length."""
    values = map(exported, rows)
    return _csv_text(values) if file_format is CatalogFileFormat.CSV else _yaml_text(values)


def _csv_text(rows: Iterable[dict[str, Value]]) -> Iterator[str]:
    yield ",".join(COLUMN_NAMES) + "\n"
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(
            [_cell(name, row[name]) if name in row else "" for name in COLUMN_NAMES]
        )
        yield line.getvalue()


def _cell(name: str, value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == []:
        return NONE
    if isinstance(value, list):
        return "; ".join(map(str, value))
    text = str(value)
    return text_cell(text) if name in FREE_TEXTS else text


def _yaml_text(rows: Iterable[dict[str, Value]]) -> Iterator[str]:
    import yaml

    for row in rows:
        values: dict[str, Any] = row | {"revision": int(str(row["revision"]))}
        yield yaml.dump([values], Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=1000)
