"""Compares the rows of a catalog file with those of the database. Pure: no I/O."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.errors import RefusedValue
from core.moment import Moment
from core.spend import valid_id
from models.queries.catalog_batch import CatalogRows
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogEntity
from operations import validation
from operations.catalog_file.columns import COLUMN_NAMES, COLUMNS, CatalogColumn, value_in
from operations.catalog_file.rows import FileRow, WrongRow

__all__ = ["Comparison", "FieldDifference", "RowDifference", "compare", "ids_in"]

_REVISION_MAX: Final = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """The values of one field in the database and in the file; `before` is None in a new row."""

    column: CatalogColumn
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class RowDifference:
    """A row of the file that differs from the database."""

    line: int
    brand_id: str
    campaign_id: str | None
    #: The revision of the row in the database; None where the file adds it.
    revision: int | None
    fields: Sequence[FieldDifference]

    @property
    def kind(self) -> CatalogEntity:
        return CatalogEntity.BRAND if self.campaign_id is None else CatalogEntity.CAMPAIGN


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a comparison, brands first. A file with a wrong row must not be applied."""

    differences: Sequence[RowDifference]
    wrong: Sequence[WrongRow]
    #: The number of rows that equal the database's.
    unchanged: int


@dataclass(frozen=True, slots=True)
class _Identified:
    """A row of the file with its ids."""

    row: FileRow
    brand_id: str
    campaign_id: str | None
    revision: int | None

    @property
    def kind(self) -> CatalogEntity:
        return CatalogEntity.BRAND if self.campaign_id is None else CatalogEntity.CAMPAIGN

    @property
    def name(self) -> str:
        return f"brand {self.brand_id}" if self.campaign_id is None else f"campaign {self.campaign_id}"


def ids_in(rows: Collection[FileRow]) -> tuple[set[str], set[str]]:
    """The valid brand ids and campaign ids of the rows."""
    texts = [[row.values.get(name) for row in rows] for name in ("brand_id", "campaign_id")]
    brand_ids, campaign_ids = ({it for it in of_one if isinstance(it, str) and valid_id(it)} for of_one in texts)
    return brand_ids, campaign_ids


def compare(rows: Collection[FileRow], known: CatalogRows, zone_starts_at: Moment) -> Comparison:
    """Compare the rows with `known`, which must have every row of `ids_in`. A changed time zone would be in force from
    `zone_starts_at` on."""
    wrong: list[WrongRow] = []
    identified = list(_identified(rows, wrong))
    new_brands = {it.brand_id for it in identified if it.campaign_id is None} - known.brands.keys()
    differences = []
    unchanged = 0
    for it in sorted(identified, key=lambda it: (it.campaign_id is not None, it.row.line)):
        faults: list[str] = []
        held = known.brands.get(it.brand_id) if it.campaign_id is None else known.campaigns.get(it.campaign_id)
        revision = None if held is None else held.revision
        fields = list(_differing(it, held, faults))
        difference = RowDifference(it.row.line, it.brand_id, it.campaign_id, revision, fields)
        faults += _belonging_faults(it, held, known, new_brands)
        changes_something = held is None or bool(fields)
        if changes_something:
            faults += _faults(difference, held, zone_starts_at)
        wrong += (WrongRow(it.row.line, f"{it.name}: {fault}") for fault in faults)
        if not faults and changes_something and it.revision != revision:
            wrong.append(_revision_fault(it, revision))
        elif changes_something:
            differences.append(difference)
        elif not faults:
            unchanged += 1
    return Comparison(differences, sorted(wrong), unchanged)


def _identified(rows: Collection[FileRow], wrong: list[WrongRow]) -> Iterator[_Identified]:
    lines: dict[tuple[CatalogEntity, str], int] = {}
    for row in rows:
        try:
            it = _identity(row)
            key = it.kind, it.campaign_id or it.brand_id
            if key in lines:
                raise RefusedValue(f"{it.name} is in line {lines[key]} too: write it once.")
        except RefusedValue as error:
            wrong.append(WrongRow(row.line, str(error)))
            continue
        lines[key] = row.line
        yield it


def _identity(row: FileRow) -> _Identified:
    for name in row.values:
        if name not in COLUMN_NAMES:
            raise RefusedValue(f"There is no field {name[:40]!r}: the fields are {', '.join(COLUMN_NAMES)}.")
    brand_id = validation.identifier("brand", _text(row, "brand_id"))
    campaign_id = None
    if row.values.get("campaign_id") is not None:
        campaign_id = validation.identifier("campaign", _text(row, "campaign_id"))
    kind = CatalogEntity.BRAND if campaign_id is None else CatalogEntity.CAMPAIGN
    if row.values.get("kind", kind.value) != kind.value:
        raise RefusedValue(
            f"A row with {'a' if campaign_id else 'no'} campaign_id is of kind {kind.value}, not "
            f"{str(row.values['kind'])[:40]!r}."
        )
    revision = row.values.get("revision")
    if revision is None:
        return _Identified(row, brand_id, campaign_id, None)
    number = validation.number("a revision", _text(row, "revision"), least=1, most=_REVISION_MAX)
    return _Identified(row, brand_id, campaign_id, number)


def _text(row: FileRow, name: str) -> str:
    value = row.values.get(name)
    if not isinstance(value, str):
        raise RefusedValue(f"{name} is missing.")
    return value


def _differing(it: _Identified, held: Brand | Campaign | None, faults: list[str]) -> Iterator[FieldDifference]:
    """The fields that differ, in the order of the columns; invalid values are added to `faults`."""
    for column in COLUMNS:
        if column.name not in it.row.values:
            if held is None and column.is_required and it.kind in column.of:
                faults.append(f"{column.name} is missing, and a new {it.kind.value} needs one.")
            continue
        if it.kind not in column.of:
            faults.append(f"a {it.kind.value} has no {column.name}: leave it out.")
            continue
        try:
            after = column.kind.read(column.name, it.row.values[column.name])
        except RefusedValue as error:
            faults.append(str(error))
            continue
        before = None if held is None else value_in(held, column)
        if held is None or after != before:
            yield FieldDifference(column, before, after)


def _belonging_faults(
    it: _Identified, held: Brand | Campaign | None, known: CatalogRows, new_brands: Collection[str]
) -> Iterator[str]:
    if held is not None and held.brand_id != it.brand_id:
        yield f"it belongs to brand {held.brand_id} for ever, not to {it.brand_id}."
    elif held is None and it.campaign_id and it.brand_id not in known.brands and it.brand_id not in new_brands:
        yield f"there is no brand {it.brand_id}, and the file adds none."


def _faults(difference: RowDifference, held: Brand | Campaign | None, zone_starts_at: Moment) -> Iterator[str]:
    """Faults of several fields together."""
    after = {it.column.name: it.after for it in difference.fields}
    if isinstance(held, Brand):
        if "currency" in after:
            yield f"its currency is {held.currency} and cannot be changed."
        last = held.zones[-1].starts_at
        if "time_zone" in after and last is not None and last >= zone_starts_at:
            yield "its time zone changes at that moment or later already: try again in two minutes."
    if difference.campaign_id is None:
        pacing = after.get("pacing", getattr(held, "pacing", "none"))
        if pacing == "even" and after.get("monthly_budget", getattr(held, "monthly_budget_micros", None)) is None:
            yield "pacing even needs a monthly budget: set one as well, or set pacing to none."
    else:
        if "budget_overrides" in after and after["budget_overrides"].monthly:
            yield "a campaign has no monthly budget: write daily=… for its daily budget."
        starts_on, ends_on = (after.get(name, getattr(held, name, None)) for name in ("starts_on", "ends_on"))
        try:
            validation.flight(starts_on, ends_on)
        except RefusedValue as error:
            yield str(error)


def _revision_fault(it: _Identified, revision: int | None) -> WrongRow:
    """The fault of an outdated revision. A row that changes nothing has none, so that a file may be applied twice."""
    if revision is None:
        sentence = f"there is none, so it has no revision {it.revision}: leave the revision out to add it."
        return WrongRow(it.row.line, f"{it.name}: {sentence}")
    if it.revision is None:
        sentence = f"there is one already, of revision {revision}: export it and edit what the export says."
    else:
        sentence = (
            f"it was edited since the export; its revision is {revision} now, not {it.revision}: export it again."
        )
    return WrongRow(it.row.line, f"{it.name}: {sentence}", is_stale=True)
