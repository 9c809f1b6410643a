"""Brands, campaigns and changes as JSON: the controller's live state together with the fields of the database."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from msgspec import to_builtins

from core.calendar import span_at
from core.catalog import DEFAULT_ALERT_PERCENTS
from core.command import after_pause_record
from core.moment import MINUTE, NEVER, format_moment, format_optional_moment
from core.money import format_money, format_optional_money
from core.overrides import Overrides, override_documents
from core.reasons import reason_names
from core.state import BrandState, CampaignState
from core.windows import DAY_NAMES, window_document
from operations.allowance_words import allowance_words

if TYPE_CHECKING:  # a command that asks the database alone needs no client of Kafka, nor the tables of accounts
    from models.tables.account import AccessToken, Account
    from models.tables.brand import Brand
    from models.tables.campaign import Campaign
    from models.tables.catalog_change import CatalogChange
    from streams.live_state import HeldBrand

__all__ = [
    "Json",
    "account_view",
    "brand_facts_view",
    "brand_row_view",
    "brand_view",
    "campaign_row_view",
    "campaign_view",
    "change_view",
    "override_text",
    "row_view",
    "token_view",
    "window_text",
]

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | bool | None"
View: TypeAlias = dict[str, Json]


def brand_view(brand_id: str, held: "HeldBrand | None", row: "Brand | None", rows: "Iterable[Campaign]") -> View:
    """A brand with its campaigns as the controller holds it; what it does not hold yet is null."""
    campaigns = held.state.campaigns.values() if held else ()
    campaign_rows = {campaign.campaign_id: campaign for campaign in rows}
    known = {campaign.campaign_id for campaign in campaigns if campaign.config}
    views: list[Json] = [
        campaign_view(campaign_id, held, campaign_rows.get(campaign_id), brand_id)
        for campaign_id in sorted(known | campaign_rows.keys())
    ]
    return {**brand_facts_view(brand_id, held, row), "campaigns": views}


def brand_facts_view(brand_id: str, held: "HeldBrand | None", row: "Brand | None") -> View:
    """A brand as JSON like `brand_view`, without its campaigns."""
    state = held.state if held else None
    if held is None or state is None or state.config is None or state.day is None or state.month is None:
        return {"brand_id": brand_id, "state": "unknown", **_EMPTY_BRAND, **_settings_of(row)}
    config = state.config
    return {
        "brand_id": brand_id,
        "state": "archived" if config.archived else "enabled" if config.enabled else "paused",
        "name": row.name if row else "",
        "time_zone": span_at(config.zones, held.clock)[0].time_zone,
        "zones": [
            {"time_zone": span.time_zone, "from": format_optional_moment(span.starts_at)} for span in config.zones
        ],
        "currency": config.currency,
        "day": state.day.date.isoformat(),
        "day_ends_at": None if state.day_ends_at == NEVER else format_moment(state.day_ends_at),
        "daily_spent": format_money(state.daily_micros),
        "daily_budget": format_optional_money(config.daily_budget_on(state.day.date)),
        "daily_allowance": format_optional_money(state.daily_allowance_micros),
        "allowance_words": allowance_words(state),
        "month": f"{state.month.first:%Y-%m}",
        "monthly_spent": format_money(state.monthly_micros),
        "monthly_budget": format_optional_money(config.monthly_budget_on(state.day.date)),
        "pacing": "even" if config.is_paced else "none",
        "budget_overrides": _overrides(Overrides(config.daily_overrides, config.monthly_overrides)),
        "alert_percents": list(config.alert_percents),
        "silent_after_minutes": None if config.silent_after_ms is None else config.silent_after_ms // MINUTE,
        "enabled": config.enabled,
        "archived": config.archived,
        "version": config.version,
        "clock": format_moment(held.clock),
        "up_to_date": held.is_current,
    }


def campaign_view(campaign_id: str, held: "HeldBrand | None", row: "Campaign | None", brand_id: str) -> View:
    """A campaign as the controller holds it. The state `unknown` means that the controller does not hold it yet."""
    campaign = held.state.campaigns.get(campaign_id) if held else None
    if held is None or campaign is None or campaign.config is None or held.state.config is None:
        row_view = campaign_row_view(row) if row else {}
        return {"campaign_id": campaign_id, "brand_id": brand_id, "state": "unknown", **_EMPTY_CAMPAIGN, **row_view}
    config = campaign.config
    return {
        "campaign_id": campaign_id,
        "brand_id": brand_id,
        "state": "paused" if campaign.reasons else "running",
        "reasons": list(reason_names(campaign.reasons)),
        "sequence": campaign.sequence,
        "resumes_at": format_optional_moment(held.resumes_at(campaign)),
        "pauses_at": format_optional_moment(held.pauses_at(campaign)),
        "after_pause": to_builtins(after_pause_record(campaign.pause)) if campaign.pause else None,
        **_totals(held.state, campaign),
        "budget_overrides": _overrides(Overrides(config.daily_overrides)),
        "name": row.name if row else "",
        "external_id": config.external_id,
        "enabled": config.enabled,
        "archived": config.archived,
        "starts_on": _date(config.schedule.starts_on),
        "ends_on": _date(config.schedule.ends_on),
        "windows": [to_builtins(window_document(it)) for it in config.schedule.windows],
        "version": config.version,
        "epoch": held.state.config.epoch,
        "up_to_date": held.is_current,
    }


def brand_row_view(row: "Brand") -> View:
    """A brand as the database has it: its settings, without what was spent."""
    return {"brand_id": row.brand_id, **_settings_of(row)}


def campaign_row_view(row: "Campaign") -> View:
    """A campaign as the database has it: its settings, without what was spent."""
    return {
        "campaign_id": row.campaign_id,
        "brand_id": row.brand_id,
        "name": row.name,
        "external_id": row.external_id,
        "daily_budget": format_optional_money(row.daily_budget_micros),
        "budget_overrides": _overrides(row.budget_overrides),
        "total_budget": format_optional_money(row.total_budget_micros),
        "starts_on": _date(row.starts_on),
        "ends_on": _date(row.ends_on),
        "windows": [to_builtins(window_document(it.window)) for it in row.windows],
        "enabled": row.enabled,
        "archived": row.archived,
        "revision": row.revision,
    }


def row_view(row: "Brand | Campaign") -> View:
    """A row of the database as JSON, by `brand_row_view` or `campaign_row_view`."""
    from models.tables.brand import Brand

    return brand_row_view(row) if isinstance(row, Brand) else campaign_row_view(row)


def change_view(change: "CatalogChange") -> View:
    """An edit of a brand or a campaign, with each changed field's value before and after it."""
    return {
        "changed_at": format_moment(change.changed_at),
        "actor": change.actor,
        "kind": change.kind,
        "brand_id": change.brand_id,
        "campaign_id": change.campaign_id,
        "fields": change.fields,
        "note": change.note,
    }


def account_view(account: "Account") -> View:
    """A user, without the password."""
    return {
        "name": account.name,
        "role": account.role,
        "enabled": account.enabled,
        "created_at": format_moment(account.created_at),
    }


def token_view(token: "AccessToken") -> View:
    """A token, without its secret."""
    return {
        "name": token.name,
        "role": token.role,
        "created_by": token.created_by,
        "created_at": format_moment(token.created_at),
        "expires_at": format_moment(token.expires_at),
        "revoked_at": format_optional_moment(token.revoked_at),
    }


def window_text(window: Json) -> str:
    """A window of these views as text: `mon,tue 09:00-17:00`."""
    assert isinstance(window, Mapping) and isinstance(window["days"], Sequence)
    days = "daily" if len(window["days"]) == len(DAY_NAMES) else ",".join(str(day) for day in window["days"])
    return f"{days} {window['from']}-{window['to']}"


def override_text(override: Json) -> str:
    """An override of these views as the option `--override` takes it."""
    assert isinstance(override, Mapping)
    first, last = override["from"], override["to"]
    budgets = [
        f"{name}={'none' if override[field] is None else override[field]}"
        for name, field in (("daily", "daily_budget"), ("monthly", "monthly_budget"))
        if field in override
    ]
    return f"{first if first == last else f'{first}..{last}'} {' '.join(budgets)}"


_EMPTY_BRAND: View = {
    "daily_allowance": None,
    "allowance_words": None,
    "day": None,
    "daily_spent": None,
    "month": None,
    "monthly_spent": None,
    "up_to_date": False,
}
_EMPTY_CAMPAIGN: View = {
    "reasons": [],
    "sequence": 0,
    "resumes_at": None,
    "pauses_at": None,
    "after_pause": None,
    "daily_spent": None,
    "daily_budget": None,
    "total_spent": None,
    "total_budget": None,
    "up_to_date": False,
}


def _settings_of(row: "Brand | None") -> View:
    if row is None:
        return {"time_zone": None, "currency": None, "daily_budget": None, "monthly_budget": None}
    return {
        "name": row.name,
        "time_zone": row.time_zone,
        "zones": [{"time_zone": zone.time_zone, "from": format_optional_moment(zone.starts_at)} for zone in row.zones],
        "currency": row.currency,
        "daily_budget": format_optional_money(row.daily_budget_micros),
        "monthly_budget": format_optional_money(row.monthly_budget_micros),
        "alert_percents": list(DEFAULT_ALERT_PERCENTS if row.alert_percents is None else row.alert_percents),
        "silent_after_minutes": row.silent_after_minutes,
        "pacing": row.pacing,
        "budget_overrides": _overrides(row.budget_overrides),
        "enabled": row.enabled,
        "archived": row.archived,
        "revision": row.revision,
    }


def _totals(brand: BrandState, campaign: CampaignState) -> View:
    assert campaign.config
    day, config = brand.day, campaign.config
    daily = config.daily_budget_on(day.date) if day else config.daily_budget_micros
    return {
        "daily_spent": format_money(campaign.daily_micros),
        "daily_budget": format_optional_money(daily),
        "total_spent": format_money(campaign.total_micros),
        "total_budget": format_optional_money(campaign.config.total_budget_micros),
    }


def _overrides(overrides: Overrides) -> Json:
    documents: Json = to_builtins(override_documents(overrides))
    return documents


def _date(day: object) -> str | None:
    return None if day is None else str(day)
