"""Brands, campaigns and changes as JSON: what is held by the controller beside what only the database knows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from models.account import AccessToken, Account
from models.brand import Brand
from models.campaign import Campaign
from models.change import Change
from models.daypart_window import clock_text, weekday_names
from streams.core.calendar import span_at
from streams.core.dayparting import DAY_NAMES, Window, format_minute
from streams.core.moment import Moment, format_moment
from streams.core.money import format_money
from streams.core.reasons import reason_names
from streams.core.state import CampaignState
from streams.live import HeldBrand

__all__ = [
    "Json",
    "account_view",
    "brand_facts_view",
    "brand_row_view",
    "brand_view",
    "campaign_row_view",
    "campaign_view",
    "change_view",
    "token_view",
    "window_text",
]

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | bool | None"
View: TypeAlias = dict[str, Json]


def brand_view(brand_id: str, held: HeldBrand | None, row: Brand | None, rows: Iterable[Campaign]) -> View:
    """A brand as the controller holds it, with all of its campaigns; what it does not hold yet is null."""
    campaigns = held.state.campaigns.values() if held else ()
    campaign_rows = {campaign.campaign_id: campaign for campaign in rows}
    known = {campaign.campaign_id for campaign in campaigns if campaign.terms}
    views: list[Json] = [
        campaign_view(campaign_id, held, campaign_rows.get(campaign_id), brand_id)
        for campaign_id in sorted(known | campaign_rows.keys())
    ]
    return {**brand_facts_view(brand_id, held, row), "campaigns": views}


def brand_facts_view(brand_id: str, held: HeldBrand | None, row: Brand | None) -> View:
    """The same without the campaigns."""
    state = held.state if held else None
    if held is None or state is None or state.terms is None or state.day is None or state.month is None:
        return {"brand_id": brand_id, "state": "unknown", **_EMPTY_BRAND, **_settings_of(row)}
    terms = state.terms
    return {
        "brand_id": brand_id,
        "state": "archived" if terms.archived else "enabled" if terms.enabled else "paused",
        "name": row.name if row else "",
        "time_zone": span_at(terms.zones, held.clock)[0].time_zone,
        "zones": [{"time_zone": span.time_zone, "from": _moment(span.starts_at)} for span in terms.zones],
        "currency": terms.currency,
        "day": state.day.date.isoformat(),
        "day_ends_at": format_moment(state.day_ends_at),
        "daily_spent": format_money(state.daily_micros),
        "daily_budget": _money(terms.daily_budget_micros),
        "month": f"{state.month.first:%Y-%m}",
        "monthly_spent": format_money(state.monthly_micros),
        "monthly_budget": _money(terms.monthly_budget_micros),
        "enabled": terms.enabled,
        "archived": terms.archived,
        "version": terms.version,
        "clock": format_moment(held.clock),
        "up_to_date": held.is_current,
    }


def campaign_view(campaign_id: str, held: HeldBrand | None, row: Campaign | None, brand_id: str) -> View:
    """A campaign as the controller holds it. `unknown` is one that the database has and the controller not yet."""
    campaign = held.state.campaigns.get(campaign_id) if held else None
    if held is None or campaign is None or campaign.terms is None or held.state.terms is None:
        row_view = campaign_row_view(row) if row else {}
        return {"campaign_id": campaign_id, "brand_id": brand_id, "state": "unknown", **_EMPTY_CAMPAIGN, **row_view}
    terms = campaign.terms
    return {
        "campaign_id": campaign_id,
        "brand_id": brand_id,
        "state": "paused" if campaign.reasons else "running",
        "reasons": list(reason_names(campaign.reasons)),
        "sequence": campaign.sequence,
        "resumes_at": _moment(held.resumes_at(campaign)),
        "pauses_at": _moment(held.pauses_at(campaign)),
        **_totals(campaign),
        "name": row.name if row else "",
        "external_id": terms.external_id,
        "enabled": terms.enabled,
        "archived": terms.archived,
        "starts_on": _date(terms.schedule.starts_on),
        "ends_on": _date(terms.schedule.ends_on),
        "windows": [_window(window) for window in terms.schedule.windows],
        "version": terms.version,
        "epoch": held.state.terms.epoch,
        "up_to_date": held.is_current,
    }


def brand_row_view(row: Brand) -> View:
    """A brand as the database has it: what was decided on, not what was spent."""
    return {"brand_id": row.brand_id, **_settings_of(row)}


def campaign_row_view(row: Campaign) -> View:
    return {
        "campaign_id": row.campaign_id,
        "brand_id": row.brand_id,
        "name": row.name,
        "external_id": row.external_id,
        "daily_budget": _money(row.daily_budget_micros),
        "total_budget": _money(row.total_budget_micros),
        "starts_on": _date(row.starts_on),
        "ends_on": _date(row.ends_on),
        "windows": [
            {
                "days": weekday_names(it.weekdays),
                "from": clock_text(it.from_minute),
                "to": clock_text(it.to_minute),
            }
            for it in row.windows
        ],
        "enabled": row.enabled,
        "archived": row.archived,
        "revision": row.revision,
    }


def change_view(change: Change) -> View:
    return {
        "changed_at": format_moment(change.changed_at),
        "actor": change.actor,
        "kind": change.kind,
        "brand_id": change.brand_id,
        "campaign_id": change.campaign_id,
        "fields": change.fields,
    }


def account_view(account: Account) -> View:
    return {
        "name": account.name,
        "role": account.role,
        "enabled": account.enabled,
        "created_at": format_moment(account.created_at),
    }


def token_view(token: AccessToken) -> View:
    return {
        "name": token.name,
        "role": token.role,
        "created_by": token.created_by,
        "created_at": format_moment(token.created_at),
        "expires_at": format_moment(token.expires_at),
        "revoked_at": _moment(token.revoked_at),
    }


def window_text(window: Json) -> str:
    """A window of these views in words: `mon,tue 09:00-17:00`."""
    assert isinstance(window, Mapping) and isinstance(window["days"], Sequence)
    days = "daily" if len(window["days"]) == len(DAY_NAMES) else ",".join(str(day) for day in window["days"])
    return f"{days} {window['from']}-{window['to']}"


_EMPTY_BRAND: View = {"day": None, "daily_spent": None, "month": None, "monthly_spent": None, "up_to_date": False}
_EMPTY_CAMPAIGN: View = {
    "reasons": [],
    "sequence": 0,
    "resumes_at": None,
    "pauses_at": None,
    "daily_spent": None,
    "daily_budget": None,
    "total_spent": None,
    "total_budget": None,
    "up_to_date": False,
}


def _settings_of(row: Brand | None) -> View:
    if row is None:
        return {"time_zone": None, "currency": None, "daily_budget": None, "monthly_budget": None}
    return {
        "name": row.name,
        "time_zone": row.time_zone,
        "zones": [{"time_zone": zone.time_zone, "from": _moment(zone.starts_at)} for zone in row.zones],
        "currency": row.currency,
        "daily_budget": _money(row.daily_budget_micros),
        "monthly_budget": _money(row.monthly_budget_micros),
        "enabled": row.enabled,
        "archived": row.archived,
        "revision": row.revision,
    }


def _totals(campaign: CampaignState) -> View:
    assert campaign.terms
    return {
        "daily_spent": format_money(campaign.daily_micros),
        "daily_budget": _money(campaign.terms.daily_budget_micros),
        "total_spent": format_money(campaign.total_micros),
        "total_budget": _money(campaign.terms.total_budget_micros),
    }


def _window(window: Window) -> View:
    return {
        "days": [DAY_NAMES[day] for day in window.days],
        "from": format_minute(window.from_minute),
        "to": format_minute(window.to_minute),
    }


def _money(micros: int | None) -> str | None:
    return None if micros is None else format_money(micros)


def _moment(moment: Moment | None) -> str | None:
    return None if moment is None else format_moment(moment)


def _date(day: object) -> str | None:
    return None if day is None else str(day)
