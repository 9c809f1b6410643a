"""Edits many rows of the catalog in a fixed number of statements.

History, outbox, checks and revisions are those of `models.queries.catalog_edits`; a row that changes in several fields,
windows and time zone included, has one entry in the history.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.windows import Window
from models.errors import StaleEdit
from models.queries.catalog_edits import (
    BrandChanges,
    CampaignChanges,
    added_fields,
    flush_edits,
    grow_revision,
    insert_windows,
    record_changes,
    set_fields,
    windows_json,
)
from models.tables.brand import Brand, BrandZone
from models.tables.campaign import Campaign
from models.tables.catalog_change import FieldChanges
from models.tables.daypart_window import DaypartWindow

__all__ = ["BrandRowEdit", "CampaignRowEdit", "CatalogRows", "lock_rows", "read_rows", "write_edits"]


@dataclass(frozen=True, slots=True)
class CatalogRows:
    """Brands and campaigns by id."""

    brands: Mapping[str, Brand]
    campaigns: Mapping[str, Campaign]


@dataclass(frozen=True, slots=True)
class BrandRowEdit:
    """An edit of a brand whose row has `revision`; None adds the brand."""

    brand_id: str
    revision: int | None
    changes: BrandChanges
    #: The new zone; None leaves the zone as it is.
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class CampaignRowEdit:
    """An edit of a campaign whose row has `revision`; None adds the campaign."""

    campaign_id: str
    brand_id: str
    revision: int | None
    changes: CampaignChanges
    #: The windows that replace the campaign's; None leaves them as they are.
    windows: Collection[Window] | None = None


@dataclass(slots=True)
class _Edited:
    """The rows and windows that the edits have changed so far."""

    changed: list[tuple[Brand | Campaign, FieldChanges]] = field(default_factory=list)
    windows: dict[str, Collection[Window]] = field(default_factory=dict)


def read_rows(session: Session, brand_ids: Collection[str], campaign_ids: Collection[str]) -> CatalogRows:
    """The rows with these ids; ids that do not exist are left out."""
    return _rows(session, brand_ids, campaign_ids, lock=False)


def lock_rows(session: Session, brand_ids: Collection[str], campaign_ids: Collection[str]) -> CatalogRows:
    """Read rows as `read_rows` does and lock them until the transaction ends, in the order of their ids: of two callers
    that want the same rows, one waits for the other."""
    return _rows(session, brand_ids, campaign_ids, lock=True)


def write_edits(
    session: Session,
    brands: Sequence[BrandRowEdit],
    campaigns: Sequence[CampaignRowEdit],
    *,
    zone_starts_at: int,
    actor: str,
    note: str | None = None,
) -> list[Brand | Campaign]:
    """Make all of these edits of rows that `lock_rows` has locked; the note goes into their history. Returns the
    changed rows, brands first. Raises StaleEdit, Refused or AlreadyExists; the caller must then roll the transaction
    back."""
    edited = _Edited()
    new_brands = [Brand(brand_id=edit.brand_id, **edit.changes) for edit in brands if edit.revision is None]
    session.add_all(new_brands)
    flush_edits(session)
    read_rows(session, [row.brand_id for row in new_brands], ())  # with the values that the database has chosen
    for brand in brands:
        _write_brand(session, edited, brand, zone_starts_at)
    new_campaigns = [
        Campaign(campaign_id=edit.campaign_id, brand_id=edit.brand_id, **edit.changes)
        for edit in campaigns
        if edit.revision is None
    ]
    session.add_all(new_campaigns)
    flush_edits(session)
    read_rows(session, (), [row.campaign_id for row in new_campaigns])
    for campaign in campaigns:
        _write_campaign(session, edited, campaign)
    _replace_windows(session, edited.windows)
    if not edited.changed:
        return []
    record_changes(session, edited.changed, actor, note)
    return _edited_rows(session, edited)


def _rows(session: Session, brand_ids: Collection[str], campaign_ids: Collection[str], *, lock: bool) -> CatalogRows:
    brands = select(Brand).where(Brand.brand_id.in_(brand_ids)).order_by(Brand.brand_id)
    campaigns = select(Campaign).where(Campaign.campaign_id.in_(campaign_ids)).order_by(Campaign.campaign_id)
    options = {"populate_existing": True}
    if lock:
        brands, campaigns = brands.with_for_update(), campaigns.with_for_update()
    return CatalogRows(
        {row.brand_id: row for row in session.scalars(brands, execution_options=options)},
        {row.campaign_id: row for row in session.scalars(campaigns, execution_options=options)},
    )


def _write_brand(session: Session, edited: _Edited, edit: BrandRowEdit, zone_starts_at: int) -> None:
    brand = session.get_one(Brand, edit.brand_id)
    if edit.revision is None:
        session.add(BrandZone(brand_id=edit.brand_id, time_zone=edit.time_zone))
        zone: FieldChanges = {"time_zone": {"from": None, "to": edit.time_zone}}
        edited.changed.append((brand, added_fields(brand) | zone))
        return
    _check(brand, edit.revision)
    fields = set_fields(brand, edit.changes)
    if edit.time_zone is not None and edit.time_zone != brand.time_zone:
        session.add(BrandZone(brand_id=edit.brand_id, time_zone=edit.time_zone, starts_at=zone_starts_at))
        fields["time_zone"] = {"from": brand.time_zone, "to": edit.time_zone}
        grow_revision(brand)
    if fields:
        edited.changed.append((brand, fields))


def _write_campaign(session: Session, edited: _Edited, edit: CampaignRowEdit) -> None:
    campaign = session.get_one(Campaign, edit.campaign_id)
    if edit.revision is None:
        fields = added_fields(campaign)
        if edit.windows:
            fields["windows"] = {"from": None, "to": windows_json(edit.windows)}
            edited.windows[edit.campaign_id] = edit.windows
        edited.changed.append((campaign, fields))
        return
    _check(campaign, edit.revision)
    before = [row.window for row in campaign.windows]
    fields = set_fields(campaign, edit.changes)
    if edit.windows is not None and set(before) != set(edit.windows):
        fields["windows"] = {"from": windows_json(before), "to": windows_json(edit.windows)}
        edited.windows[edit.campaign_id] = edit.windows
        grow_revision(campaign)
    if fields:
        edited.changed.append((campaign, fields))


def _check(row: Brand | Campaign, revision: int) -> None:
    if row.revision != revision:
        raise StaleEdit()


def _replace_windows(session: Session, windows: Mapping[str, Collection[Window]]) -> None:
    if windows:
        session.execute(delete(DaypartWindow).where(DaypartWindow.campaign_id.in_(windows)))
    if any(windows.values()):
        insert_windows(session, windows)


def _edited_rows(session: Session, edited: _Edited) -> list[Brand | Campaign]:
    rows = [row for row, _ in edited.changed]
    brand_ids = [row.brand_id for row in rows if isinstance(row, Brand)]
    campaign_ids = [row.campaign_id for row in rows if isinstance(row, Campaign)]
    found = read_rows(session, brand_ids, campaign_ids)
    return [*found.brands.values(), *found.campaigns.values()]
