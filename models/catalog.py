"""The edits of the catalog: each writes the row, its history and the outbox in the caller's one transaction.

Values come checked by the console; the database checks them again.
"""

from collections.abc import Collection
from datetime import date
from typing import TypedDict, TypeVar

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from models.brand import Brand, BrandZone
from models.campaign import Campaign
from models.catalog_outbox import NOTIFY_CHANNEL, CatalogOutbox
from models.change import Change, FieldChanges, Json, Thing
from models.daypart_window import DaypartWindow, Window, clock_text, weekday_names
from models.errors import AlreadyExists, NotFound, Refused, StaleEdit, explained
from models.types import MoneyColumn, money_text

__all__ = [
    "BrandChanges",
    "CampaignChanges",
    "add_brand",
    "add_campaign",
    "change_time_zone",
    "edit_brand",
    "edit_campaign",
    "set_windows",
]

_Thing = TypeVar("_Thing", Brand, Campaign)


class BrandChanges(TypedDict, total=False):
    """What may be changed of a brand; what is left out stays. None clears a budget."""

    name: str
    currency: str
    daily_budget_micros: int | None
    monthly_budget_micros: int | None
    enabled: bool
    archived: bool
    epoch: int


class CampaignChanges(TypedDict, total=False):
    name: str
    external_id: str | None
    daily_budget_micros: int | None
    total_budget_micros: int | None
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
    enabled: bool = True,
) -> Brand:
    """A new brand, or AlreadyExists."""
    if session.get(Brand, brand_id) is not None:
        raise AlreadyExists(f"The brand {brand_id} is already there.")
    brand = Brand(
        brand_id=brand_id,
        name=name,
        currency=currency,
        daily_budget_micros=daily_budget_micros,
        monthly_budget_micros=monthly_budget_micros,
        enabled=enabled,
    )
    session.add(brand)
    _flush(session)
    session.add(BrandZone(brand_id=brand_id, time_zone=time_zone))
    _record(session, brand, actor, _added(brand) | {"time_zone": {"from": None, "to": time_zone}})
    session.refresh(brand)
    return brand


def edit_brand(
    session: Session, brand_id: str, changes: BrandChanges, *, actor: str, expected_revision: int | None = None
) -> Brand:
    """The brand with the changes made. `expected_revision` is what the editor saw; None edits whatever is there."""
    brand = _locked(session, Brand, brand_id, expected_revision)
    if changes.get("currency", brand.currency) != brand.currency:
        raise Refused(f"The currency of {brand_id} is {brand.currency} and cannot be changed.")
    return _edited(session, brand, dict(changes), actor)


def change_time_zone(
    session: Session, brand_id: str, time_zone: str, *, starts_at: int, actor: str, expected_revision: int | None = None
) -> Brand:
    """The brand lives in another time zone from the moment on; what was booked before stays booked."""
    brand = _locked(session, Brand, brand_id, expected_revision)
    last = brand.zones[-1]
    if last.time_zone == time_zone:
        return brand
    if last.starts_at is not None and last.starts_at >= starts_at:
        raise Refused(f"The time zone of {brand_id} already changes at that moment or later.")
    session.add(BrandZone(brand_id=brand_id, time_zone=time_zone, starts_at=starts_at))
    _grow_revision(brand)
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
    starts_on: date | None = None,
    ends_on: date | None = None,
    enabled: bool = True,
    windows: Collection[Window] = (),
) -> Campaign:
    """A new campaign with its windows, or NotFound for the brand, or AlreadyExists."""
    if session.get(Brand, brand_id) is None:
        raise NotFound(f"There is no brand {brand_id}.")
    if session.get(Campaign, campaign_id) is not None:
        raise AlreadyExists(f"The campaign {campaign_id} is already there; ids are never used again.")
    campaign = Campaign(
        campaign_id=campaign_id,
        brand_id=brand_id,
        name=name,
        external_id=external_id,
        daily_budget_micros=daily_budget_micros,
        total_budget_micros=total_budget_micros,
        starts_on=starts_on,
        ends_on=ends_on,
        enabled=enabled,
    )
    session.add(campaign)
    _flush(session)
    fields = _added(campaign)
    if windows:
        _insert_windows(session, campaign_id, windows)
        fields["windows"] = {"from": None, "to": _windows_json(windows)}
    _record(session, campaign, actor, fields)
    session.refresh(campaign)
    return campaign


def edit_campaign(
    session: Session, campaign_id: str, changes: CampaignChanges, *, actor: str, expected_revision: int | None = None
) -> Campaign:
    """The campaign with the changes made; its windows are replaced by `set_windows`."""
    return _edited(session, _locked(session, Campaign, campaign_id, expected_revision), dict(changes), actor)


def set_windows(
    session: Session,
    campaign_id: str,
    windows: Collection[Window],
    *,
    actor: str,
    expected_revision: int | None = None,
) -> Campaign:
    """The campaign with these windows instead of those it had; none at all means always."""
    campaign = _locked(session, Campaign, campaign_id, expected_revision)
    before = [row.window for row in campaign.windows]
    if set(before) == set(windows):
        return campaign
    session.execute(delete(DaypartWindow).where(DaypartWindow.campaign_id == campaign_id))
    if windows:
        _insert_windows(session, campaign_id, windows)
    _grow_revision(campaign)
    _record(session, campaign, actor, {"windows": {"from": _windows_json(before), "to": _windows_json(windows)}})
    session.refresh(campaign)
    return campaign


def _locked(session: Session, kind: type[_Thing], thing_id: str, expected_revision: int | None) -> _Thing:
    """The newest row, kept from other editors until the transaction ends: edits of different fields both survive."""
    thing = session.get(kind, thing_id, with_for_update=True, populate_existing=True)
    if thing is None:
        raise NotFound(f"There is no {kind.__tablename__} {thing_id}.")
    if expected_revision is not None and thing.revision != expected_revision:
        raise StaleEdit()
    return thing


def _edited(session: Session, thing: _Thing, changes: dict[str, object], actor: str) -> _Thing:
    """A change of nothing writes nothing."""
    different = {name: value for name, value in changes.items() if getattr(thing, name) != value}
    if not different:
        return thing
    fields: FieldChanges = {}
    for name, value in different.items():
        fields[_column_name(thing, name)] = {
            "from": _json(thing, name, getattr(thing, name)),
            "to": _json(thing, name, value),
        }
        setattr(thing, name, value)
    _record(session, thing, actor, fields)
    return thing


def _record(session: Session, thing: Brand | Campaign, actor: str, fields: FieldChanges) -> None:
    """The history, the outbox and the word to who listens, which PostgreSQL passes on at the commit."""
    campaign_id = thing.campaign_id if isinstance(thing, Campaign) else None
    kind = Thing.BRAND if campaign_id is None else Thing.CAMPAIGN
    session.add(Change(actor=actor, kind=kind, brand_id=thing.brand_id, campaign_id=campaign_id, fields=fields))
    session.add(CatalogOutbox(brand_id=thing.brand_id, campaign_id=campaign_id))
    _flush(session)
    thing_id = thing.brand_id if campaign_id is None else f"{thing.brand_id}/{campaign_id}"
    session.execute(select(func.pg_notify(NOTIFY_CHANNEL, thing_id)))


def _flush(session: Session) -> None:
    try:
        session.flush()
    except DBAPIError as error:
        raise explained(error) from error
    except ValueError as error:  # psycopg2 does not send NUL and lone surrogates
        raise Refused("The text holds a character that the database cannot keep.") from error


def _grow_revision(thing: Brand | Campaign) -> None:
    """Rows beside the thing's own were changed: write its row too, so that its revision grows."""
    flag_modified(thing, "name")


def _insert_windows(session: Session, campaign_id: str, windows: Collection[Window]) -> None:
    rows = [{"campaign_id": campaign_id, **window._asdict()} for window in sorted(set(windows))]
    try:
        session.execute(insert(DaypartWindow), rows)
    except DBAPIError as error:
        raise explained(error) from error


def _added(thing: Brand | Campaign) -> FieldChanges:
    """What a new row was given; budgets that are not there need no line."""
    values = {attribute.key: getattr(thing, attribute.key) for attribute in thing.__mapper__.column_attrs}
    left_out = {"brand_id" if isinstance(thing, Brand) else "campaign_id", "revision", "archived", "epoch"}
    return {
        _column_name(thing, name): {"from": None, "to": _json(thing, name, value)}
        for name, value in values.items()
        if name not in left_out and value not in (None, "")
    }


def _column_name(thing: Brand | Campaign, attribute: str) -> str:
    return str(thing.__mapper__.column_attrs[attribute].columns[0].name)


def _json(thing: Brand | Campaign, attribute: str, value: object) -> Json:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int) and isinstance(thing.__mapper__.column_attrs[attribute].columns[0].type, MoneyColumn):
        return money_text(value)
    assert value is None or isinstance(value, (str, int, bool))
    return value


def _windows_json(windows: Collection[Window]) -> list[Json]:
    return [
        {
            "days": list(weekday_names(window.weekdays)),
            "from": clock_text(window.from_minute),
            "to": clock_text(window.to_minute),
        }
        for window in sorted(set(windows))
    ]
