"""Brands and campaigns as JSON. A view is encoded once for each state of the controller and row of the catalog, because
most are asked for again before either changes."""

from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from console.server.services import Services
from core.catalog import DEFAULT_ALERT_PERCENTS, BrandConfig, CampaignConfig
from core.moment import MINUTE, Moment
from core.overrides import Overrides
from core.state import BrandState
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations.catalog_views import Json, brand_facts_view, campaign_view
from operations.schedule_preview import schedule_of
from streams.live_state import HeldBrand

__all__ = ["ViewCache"]

_REMEMBERED_MAX: Final = 50_000

_Row = TypeVar("_Row", Brand, Campaign)
_encode: Final = msgspec.json.Encoder().encode


class _CachedView(NamedTuple, Generic[_Row]):
    """An encoded view and what it was built from."""

    text: bytes
    state: BrandState | None
    clock: Moment
    row: _Row | None
    campaigns: int = 0


class ViewCache:
    """A view is None for an id that neither the database nor the controller knows."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._brands: dict[str, _CachedView[Brand]] = {}
        self._campaigns: dict[str, _CachedView[Campaign]] = {}

    def brand(self, brand_id: str) -> bytes | None:
        held, row = self._services.live.brand(brand_id), self._services.catalog.brand(brand_id)
        if row is None and (held is None or held.state.config is None):
            return None
        campaigns = len(self._services.catalog.campaign_ids(brand_id))
        cached = self._brands.get(brand_id)
        if cached is None or cached.campaigns != campaigns or not _is_current(cached, held, row):
            view = {
                **brand_facts_view(brand_id, held, row),
                "up_to_date": _brand_is_in_force(row, held.state.config if held else None),
                "revision": row.revision if row else None,
                "campaigns": _campaign_counts(held, campaigns),
            }
            cached = _CachedView(_encode(view), *_state_of(held), row, campaigns)
            _store(self._brands, brand_id, cached)
        return cached.text

    def campaign(self, campaign_id: str) -> bytes | None:
        live, row = self._services.live, self._services.catalog.campaign(campaign_id)
        found = live.campaign(campaign_id)
        if row is None and (found is None or found[1].config is None):
            return None
        held, config = (found[0], found[1].config) if found else (None, None)
        cached = self._campaigns.get(campaign_id)
        if cached is None or not _is_current(cached, held, row):
            brand_id = row.brand_id if row else held.state.brand_id if held else ""
            view = {
                **campaign_view(campaign_id, held, row, brand_id),
                "up_to_date": _campaign_is_in_force(row, config),
                "revision": row.revision if row else None,
            }
            cached = _CachedView(_encode(view), *_state_of(held), row)
            _store(self._campaigns, campaign_id, cached)
        return cached.text


def _is_current(cached: "_CachedView[_Row]", held: HeldBrand | None, row: _Row | None) -> bool:
    state, clock = _state_of(held)
    return cached.state is state and cached.clock == clock and cached.row is row


def _state_of(held: HeldBrand | None) -> tuple[BrandState | None, Moment]:
    return (held.state, held.clock) if held else (None, 0)


def _store(cached: dict[str, "_CachedView[_Row]"], key: str, one: "_CachedView[_Row]") -> None:
    if len(cached) >= _REMEMBERED_MAX:
        cached.clear()
    cached[key] = one


def _campaign_counts(held: HeldBrand | None, of_rows: int) -> dict[str, Json]:
    known = [it for it in held.state.campaigns.values() if it.config] if held else []
    paused = sum(bool(it.reasons) for it in known)
    return {"running": len(known) - paused, "paused": paused, "unknown": max(0, of_rows - len(known))}


def _brand_is_in_force(row: Brand | None, config: BrandConfig | None) -> bool:
    """Whether the controller already decides by the last edit."""
    if config is None:
        return False
    return row is None or (
        row.daily_budget_micros == config.daily_budget_micros
        and row.monthly_budget_micros == config.monthly_budget_micros
        and tuple(DEFAULT_ALERT_PERCENTS if row.alert_percents is None else row.alert_percents) == config.alert_percents
        and (row.silent_after_minutes or 0) * MINUTE == (config.silent_after_ms or 0)
        and row.budget_overrides == Overrides(config.daily_overrides, config.monthly_overrides)
        and (row.pacing == "even") == config.is_paced
        and row.enabled == config.enabled
        and row.archived == config.archived
        and [(it.time_zone, it.starts_at) for it in row.zones] == [(it.time_zone, it.starts_at) for it in config.zones]
    )


def _campaign_is_in_force(row: Campaign | None, config: CampaignConfig | None) -> bool:
    if config is None:
        return False
    if row is None:
        return True
    schedule = schedule_of(row)
    return (
        row.daily_budget_micros == config.daily_budget_micros
        and row.total_budget_micros == config.total_budget_micros
        and row.budget_overrides == Overrides(config.daily_overrides)
        and row.external_id == config.external_id
        and row.enabled == config.enabled
        and row.archived == config.archived
        and (schedule.starts_on, schedule.ends_on) == (config.schedule.starts_on, config.schedule.ends_on)
        and set(schedule.windows) == set(config.schedule.windows)
    )
