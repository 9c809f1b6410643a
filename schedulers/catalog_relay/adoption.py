"""Adopts a document of the catalog topic into the database after a restored backup has lost its edit.

The document is in force: the controller decides by it. So the row is changed to match it, with an entry in the change
history, and operators see and edit what is in force.
"""

from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from core.moment import parse_moment
from core.money import parse_money
from core.overrides import read_overrides
from core.records import BrandDocument, CampaignDocument
from core.refusal import Refusal
from core.windows import window_from_document
from models.queries.catalog_edits import (
    BrandChanges,
    CampaignChanges,
    add_brand,
    add_campaign,
    change_time_zone,
    edit_brand,
    edit_campaign,
    set_windows,
)
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from streams.kafka.codec import decode_brand, decode_campaign

__all__ = ["ACTOR", "adopt"]

#: The actor of these changes in the history.
ACTOR: Final = "catalog topic"


def adopt(session: Session, record_key: str, value: bytes) -> None:
    """Set the row to the document's values. Raises ModelError, ValueError or an error of msgspec if it cannot."""
    if "/" in record_key:
        _adopt_campaign(session, decode_campaign(value))
    else:
        _adopt_brand(session, decode_brand(value))


def _adopt_brand(session: Session, document: BrandDocument) -> None:
    brand_id, zones = document.brand_id, document.zones
    brand = session.get(Brand, brand_id)
    if brand is None:
        brand = add_brand(
            session, brand_id, time_zone=zones[0].time_zone, currency=document.currency, actor=ACTOR, name=document.name
        )
    for zone in zones[len(brand.zones) :]:
        starts_at = parse_moment(zone.from_ or "")
        change_time_zone(session, brand_id, zone.time_zone, starts_at=starts_at, actor=ACTOR)
    changes: BrandChanges = {
        "name": document.name,
        "currency": document.currency,
        "daily_budget_micros": _micros(document.daily_budget),
        "monthly_budget_micros": _micros(document.monthly_budget),
        "budget_overrides": read_overrides(document.budget_overrides),
        "pacing": document.pacing,
        "enabled": document.enabled,
        "archived": document.archived,
        "epoch": document.epoch,
        "alert_percents": document.alert_percents,
        "silent_after_minutes": document.silent_after_minutes,
    }
    edit_brand(session, brand_id, changes, actor=ACTOR)


def _adopt_campaign(session: Session, document: CampaignDocument) -> None:
    campaign_id = document.campaign_id
    if session.get(Campaign, campaign_id) is None:
        add_campaign(session, campaign_id, brand_id=document.brand_id, actor=ACTOR, name=document.name)
    changes: CampaignChanges = {
        "name": document.name,
        "external_id": document.external_id,
        "daily_budget_micros": _micros(document.daily_budget),
        "total_budget_micros": _micros(document.total_budget),
        "budget_overrides": read_overrides(document.budget_overrides),
        "starts_on": _date(document.starts_on),
        "ends_on": _date(document.ends_on),
        "enabled": document.enabled,
        "archived": document.archived,
    }
    edit_campaign(session, campaign_id, changes, actor=ACTOR)
    windows = [window_from_document(it.days, it.from_, it.to) for it in document.windows]
    set_windows(session, campaign_id, windows, actor=ACTOR)


def _micros(text: str | None) -> int | None:
    micros = None if text is None else parse_money(text)
    if isinstance(micros, Refusal):
        raise ValueError(micros.message)
    return micros


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
