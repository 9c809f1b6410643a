"""Plans and applies a catalog file in the caller's transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from core.moment import Moment
from models.queries import catalog_batch
from models.queries.catalog import catalog_size
from models.queries.catalog_batch import BrandRowEdit, CampaignRowEdit, CatalogRows
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations.catalog_file.difference import Comparison, RowDifference, compare, ids_in
from operations.catalog_file.rows import FileRows, WrongRows
from operations.zone_change import zone_starts_at

__all__ = ["FileComparison", "apply_file", "plan_file"]


@dataclass(frozen=True, slots=True)
class FileComparison:
    """The comparison of a file with `known`, the rows of the database that it names."""

    comparison: Comparison
    known: CatalogRows
    #: Brands and campaigns that the file does not name: they are not changed.
    brands_left_alone: int
    campaigns_left_alone: int

    @property
    def currencies(self) -> Mapping[str, str]:
        """The currency by brand id, of each brand that the file names, adds or has a campaign of."""
        added = {
            it.brand_id: str(field.after)
            for it in self.comparison.differences
            for field in it.fields
            if field.column.name == "currency"
        }
        return added | {brand_id: row.currency for brand_id, row in self.known.brands.items()}


def plan_file(session: Session, file: FileRows, now: Moment) -> FileComparison:
    """Compare the file with the database; changes nothing. Raises WrongRows."""
    known = catalog_batch.read_rows(session, *ids_in(file.rows))
    comparison = _compared(file, known, now)
    brands, campaigns = catalog_size(session)
    named = {row.values.get("brand_id") for row in file.rows if row.values.get("campaign_id") is None}
    brands_named = sum(brand_id in named for brand_id in known.brands)
    return FileComparison(comparison, known, brands - brands_named, campaigns - len(known.campaigns))


def apply_file(
    session: Session, file: FileRows, now: Moment, *, actor: str, note: str | None = None
) -> list[Brand | Campaign]:
    """Make all edits of the file, each with the note in the history. Returns the rows that were added or changed.
    Raises WrongRows before any edit; after any exception the caller must roll the transaction back."""
    known = catalog_batch.lock_rows(session, *ids_in(file.rows))
    differences = _compared(file, known, now).differences
    return catalog_batch.write_edits(
        session,
        [_brand_edit(it) for it in differences if it.campaign_id is None],
        [_campaign_edit(it, it.campaign_id) for it in differences if it.campaign_id is not None],
        zone_starts_at=zone_starts_at(now),
        actor=actor,
        note=note,
    )


def _compared(file: FileRows, known: CatalogRows, now: Moment) -> Comparison:
    comparison = compare(file.rows, known, zone_starts_at(now))
    if file.wrong or comparison.wrong:
        raise WrongRows([*file.wrong, *comparison.wrong])
    return comparison


def _brand_edit(difference: RowDifference) -> BrandRowEdit:
    return BrandRowEdit(
        difference.brand_id, difference.revision, _changes(difference), _after(difference).get("time_zone")
    )


def _campaign_edit(difference: RowDifference, campaign_id: str) -> CampaignRowEdit:
    return CampaignRowEdit(
        campaign_id,
        difference.brand_id,
        difference.revision,
        _changes(difference),
        _after(difference).get("windows"),
    )


def _changes(difference: RowDifference) -> Any:
    """The difference as BrandChanges or CampaignChanges."""
    return {it.column.attribute: it.after for it in difference.fields if it.column.attribute is not None}


def _after(difference: RowDifference) -> dict[str, Any]:
    return {it.column.name: it.after for it in difference.fields}
