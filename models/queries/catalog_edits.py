"""Edits of the catalog. Each writes the row, its history and the outbox in the caller's transaction.

Callers check values with operations.validation; constraints of the database check them again.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Literal, TypedDict, TypeVar

import msgspec
from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from core.money import format_money
from core.overrides import NO_OVERRIDES, Overrides, override_documents
from core.windows import Window, window_document
from models.errors import AlreadyExists, Refused, RowNotFound, StaleEdit, explained
from models.tables.brand import Brand, BrandZone
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogChange, CatalogEntity, FieldChanges, Json
from models.tables.catalog_outbox import NOTIFY_CHANNEL, CatalogOutbox
from models.tables.daypart_window import DaypartWindow, window_columns
from models.tables.types import MoneyColumn

__all__ = [
    "BrandChanges",
    "CampaignChanges",
    "add_brand",
    "add_campaign",
    "added_fields",
    "change_time_zone",
    "edit_brand",
    "edit_campaign",
    "edited_record_keys",
    "flush_edits",
    "grow_revision",
    "insert_windows",
    "locked_for_edit",
    "record_changes",
    "set_fields",
    "set_windows",
    "windows_json",
]

_Entity = TypeVar("_Entity", Brand, Campaign)

#: The key in `Session.info` of the record keys of edited rows.
_EDITED = "edited_record_keys"


class BrandChanges(TypedDict, total=False):
    """New values of a brand's fields; fields that are left out stay. None clears a budget or a limit; for
    `alert_percents` it means the default percentages."""

    name: str
    currency: str
    daily_budget_micros: int | None
    monthly_budget_micros: int | None
    budget_overrides: Overrides
    pacing: Literal["none", "even"]
    enabled: bool
    archived: bool
    epoch: int
    alert_percents: list[int] | None
    silent_after_minutes: int | None


class CampaignChanges(TypedDict, total=False):
    name: str
    external_id: str | None
    daily_budget_micros: int | None
    total_budget_micros: int | None
    budget_overrides: Overrides
    starts_on: date | None
    ends_on: date | None
    enabled: bool
    archived: bool


def add_brand(
    session: Session,
    brand_id: str,
    *,
    time_zone: str,
    currency: str,
    actor: str,
    name: str = "",
    daily_budget_micros: int | None = None,
    monthly_budget_micros: int | None = None,
    budget_overrides: Overrides = NO_OVERRIDES,
    pacing: Literal["none", "even"] = "none",
    enabled: bool = True,
    alert_percents: list[int] | None = None,
    silent_after_minutes: int | None = None,
) -> Brand:
    """Add a brand. Raises AlreadyExists or Refused."""
    if session.get(Brand, brand_id) is not None:
        raise AlreadyExists(f"The brand {brand_id} is already there.")
    _check_pacing(pacing, monthly_budget_micros)
    brand = Brand(
        brand_id=brand_id,
        name=name,
        currency=currency,
        daily_budget_micros=daily_budget_micros,
        monthly_budget_micros=monthly_budget_micros,
        budget_overrides=budget_overrides,
        pacing=pacing,
        enabled=enabled,
        alert_percents=alert_percents,
        silent_after_minutes=silent_after_minutes,
    )
    session.add(brand)
    flush_edits(session)
    session.add(BrandZone(brand_id=brand_id, time_zone=time_zone))
    _record(session, brand, actor, added_fields(brand) | {"time_zone": {"from": None, "to": time_zone}})
    session.refresh(brand)
    return brand


def edit_brand(
    session: Session, brand_id: str, changes: BrandChanges, *, actor: str, expected_revision: int | None = None
) -> Brand:
    """Change a brand and return it. Raises StaleEdit unless the row has `expected_revision`; None skips that check."""
    brand = _locked(session, Brand, brand_id, expected_revision)
    if changes.get("currency", brand.currency) != brand.currency:
        raise Refused(f"The currency of {brand_id} is {brand.currency} and cannot be changed.")
    _check_pacing(
        changes.get("pacing", brand.pacing), changes.get("monthly_budget_micros", brand.monthly_budget_micros)
    )
    return _edited(session, brand, dict(changes), actor)


def change_time_zone(
    session: Session, brand_id: str, time_zone: str, *, starts_at: int, actor: str, expected_revision: int | None = None
) -> Brand:
    """Put another time zone in force from `starts_at` on; earlier spend stays on the days that it was booked to."""
    brand = _locked(session, Brand, brand_id, expected_revision)
    last = brand.zones[-1]
    if last.time_zone == time_zone:
        return brand
    if last.starts_at is not None and last.starts_at >= starts_at:
        raise Refused(f"The time zone of {brand_id} already changes at that moment or later.")
    session.add(BrandZone(brand_id=brand_id, time_zone=time_zone, starts_at=starts_at))
    grow_revision(brand)
    _record(session, brand, actor, {"time_zone": {"from": last.time_zone, "to": time_zone}})
    session.refresh(brand)
    return brand


def add_campaign(
    session: Session,
    campaign_id: str,
    *,
    brand_id: str,
    actor: str,
    name: str = "",
    external_id: str | None = None,
    daily_budget_micros: int | None = None,
    total_budget_micros: int | None = None,
    budget_overrides: Overrides = NO_OVERRIDES,
    starts_on: date | None = None,
    ends_on: date | None = None,
    enabled: bool = True,
    windows: Collection[Window] = (),
) -> Campaign:
    """Add a campaign with its windows. Raises RowNotFound for the brand, AlreadyExists or Refused."""
    if session.get(Brand, brand_id) is None:
        raise RowNotFound(f"There is no brand {brand_id}.")
    if session.get(Campaign, campaign_id) is not None:
        raise AlreadyExists(f"The campaign {campaign_id} is already there; ids are never used again.")
    campaign = Campaign(
        campaign_id=campaign_id,
        brand_id=brand_id,
        name=name,
        external_id=external_id,
        daily_budget_micros=daily_budget_micros,
        total_budget_micros=total_budget_micros,
        budget_overrides=budget_overrides,
        starts_on=starts_on,
        ends_on=ends_on,
        enabled=enabled,
    )
    session.add(campaign)
    flush_edits(session)
    fields = added_fields(campaign)
    if windows:
        insert_windows(session, {campaign_id: windows})
        fields["windows"] = {"from": None, "to": windows_json(windows)}
    _record(session, campaign, actor, fields)
    session.refresh(campaign)
    return campaign


def edit_campaign(
    session: Session, campaign_id: str, changes: CampaignChanges, *, actor: str, expected_revision: int | None = None
) -> Campaign:
    """Change a campaign and return it; `set_windows` replaces its windows."""
    return _edited(session, _locked(session, Campaign, campaign_id, expected_revision), dict(changes), actor)


def set_windows(
    session: Session,
    campaign_id: str,
    windows: Collection[Window],
    *,
    actor: str,
    expected_revision: int | None = None,
) -> Campaign:
    """Replace the campaign's windows and return it; no windows means always."""
    campaign = _locked(session, Campaign, campaign_id, expected_revision)
    before = [row.window for row in campaign.windows]
    if set(before) == set(windows):
        return campaign
    session.execute(delete(DaypartWindow).where(DaypartWindow.campaign_id == campaign_id))
    if windows:
        insert_windows(session, {campaign_id: windows})
    grow_revision(campaign)
    _record(session, campaign, actor, {"windows": {"from": windows_json(before), "to": windows_json(windows)}})
    session.refresh(campaign)
    return campaign


def locked_for_edit(session: Session, kind: type[_Entity], entity_id: str) -> _Entity:
    """The newest row, locked until the transaction ends, for an edit that depends on its values."""
    return _locked(session, kind, entity_id, None)


def edited_record_keys(session: Session) -> list[str]:
    """The record keys of all rows that this session edited, also without a change: the document of an earlier edit may
    not be published yet."""
    return sorted(session.info.get(_EDITED, ()))


def _check_pacing(pacing: str, monthly_budget_micros: int | None) -> None:
    if pacing == "even" and monthly_budget_micros is None:
        raise Refused("Pacing even needs a monthly budget: set one as well, or set pacing to none.")


def _locked(session: Session, kind: type[_Entity], entity_id: str, expected_revision: int | None) -> _Entity:
    """The newest row, locked until the transaction ends, so that concurrent edits of different fields both survive."""
    entity = session.get(kind, entity_id, with_for_update=True, populate_existing=True)
    if entity is None:
        raise RowNotFound(f"There is no {kind.__tablename__} {entity_id}.")
    if expected_revision is not None and entity.revision != expected_revision:
        raise StaleEdit()
    _note_edited(session, entity)
    return entity


def _note_edited(session: Session, entity: Brand | Campaign) -> None:
    session.info.setdefault(_EDITED, set()).add(entity.record_key)


def _edited(session: Session, entity: _Entity, changes: dict[str, object], actor: str) -> _Entity:
    """Set the fields and record the change; an edit that changes nothing writes nothing."""
    fields = set_fields(entity, changes)
    if fields:
        _record(session, entity, actor, fields)
    return entity


def set_fields(entity: Brand | Campaign, changes: Mapping[str, object]) -> FieldChanges:
    """Set fields of the row. Returns the fields that changed, as the history has them."""
    fields: FieldChanges = {}
    for name, value in changes.items():
        if getattr(entity, name) != value:
            fields[_column_name(entity, name)] = {
                "from": _json(entity, name, getattr(entity, name)),
                "to": _json(entity, name, value),
            }
            setattr(entity, name, value)
    return fields


def _record(session: Session, entity: Brand | Campaign, actor: str, fields: FieldChanges) -> None:
    record_changes(session, [(entity, fields)], actor)


def record_changes(
    session: Session,
    changed: Sequence[tuple[Brand | Campaign, FieldChanges]],
    actor: str,
    note: str | None = None,
) -> None:
    """Write the rows, with one entry of the history and one of the outbox for each; the commit notifies listeners."""
    for entity, fields in changed:
        campaign_id = entity.campaign_id if isinstance(entity, Campaign) else None
        kind = CatalogEntity.BRAND if campaign_id is None else CatalogEntity.CAMPAIGN
        ids = {"brand_id": entity.brand_id, "campaign_id": campaign_id}
        session.add(CatalogChange(actor=actor, kind=kind, fields=fields, note=note, **ids))
        session.add(CatalogOutbox(**ids))
        _note_edited(session, entity)
    flush_edits(session)
    record_keys = array([entity.record_key for entity, _ in changed])
    session.execute(select(func.pg_notify(NOTIFY_CHANNEL, func.unnest(record_keys))))


def flush_edits(session: Session) -> None:
    """Flush the session. Raises a ModelError for what the database refuses."""
    try:
        session.flush()
    except DBAPIError as error:
        raise explained(error) from error
    except ValueError as error:  # psycopg2 does not send NUL and lone surrogates
        raise Refused("The text holds a character that the database cannot keep.") from error


def grow_revision(entity: Brand | Campaign) -> None:
    """Write the row itself after a change of its zones or windows, so that its revision grows."""
    flag_modified(entity, "name")


def insert_windows(session: Session, windows: Mapping[str, Collection[Window]]) -> None:
    """Insert the windows of each campaign; there must be at least one."""
    rows = [{"campaign_id": id_, **window_columns(it)} for id_, of_one in windows.items() for it in set(of_one)]
    try:
        session.execute(insert(DaypartWindow), rows)
    except DBAPIError as error:
        raise explained(error) from error


def added_fields(entity: Brand | Campaign) -> FieldChanges:
    """The fields of a new row as changes for the history, without those that are None."""
    values = {attribute.key: getattr(entity, attribute.key) for attribute in entity.__mapper__.column_attrs}
    left_out = {"brand_id" if isinstance(entity, Brand) else "campaign_id", "revision", "epoch"}
    if not entity.archived:
        left_out.add("archived")
    return {
        _column_name(entity, name): {"from": None, "to": _json(entity, name, value)}
        for name, value in values.items()
        if name not in left_out and value not in (None, "", NO_OVERRIDES) and (name, value) != ("pacing", "none")
    }


def _column_name(entity: Brand | Campaign, attribute: str) -> str:
    return str(entity.__mapper__.column_attrs[attribute].columns[0].name)


def _json(entity: Brand | Campaign, attribute: str, value: object) -> Json:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Overrides):
        return [msgspec.to_builtins(it) for it in override_documents(value)]
    if isinstance(value, int) and isinstance(entity.__mapper__.column_attrs[attribute].columns[0].type, MoneyColumn):
        return format_money(value)
    if isinstance(value, list):
        return value
    assert value is None or isinstance(value, (str, int, bool))
    return value


def windows_json(windows: Collection[Window]) -> list[Json]:
    """The windows as JSON, in the order of `Campaign.windows`."""
    in_order = sorted(set(windows), key=lambda it: tuple(window_columns(it).values()))
    return [msgspec.to_builtins(window_document(it)) for it in in_order]
