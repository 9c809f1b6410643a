"""Brands and campaigns as JSON, made once for each state that the controller holds, because most questions are asked
again before anything has changed."""

from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from console.api.services import Services
from console.schedule_preview import schedule_of
from console.views import Json, brand_facts_view, campaign_view
from models.brand import Brand
from models.campaign import Campaign
from streams.core.moment import Moment
from streams.core.state import BrandState
from streams.core.terms import BrandTerms, CampaignTerms
from streams.live import HeldBrand

__all__ = ["Views"]

_REMEMBERED_MAX: Final = 50_000

_Row = TypeVar("_Row", Brand, Campaign)
_encode: Final = msgspec.json.Encoder().encode


class _Made(NamedTuple, Generic[_Row]):
    """A text and all that it was made from."""

    text: bytes
    state: BrandState | None
    clock: Moment
    row: _Row | None
    campaigns: int = 0


class Views:
    """`None` is what neither the database nor the controller knows."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._brands: dict[str, _Made[Brand]] = {}
        self._campaigns: dict[str, _Made[Campaign]] = {}

    def brand(self, brand_id: str) -> bytes | None:
        held, row = self._services.live.brand(brand_id), self._services.catalog.brand(brand_id)
        if row is None and (held is None or held.state.terms is None):
            return None
        campaigns = len(self._services.catalog.campaign_ids(brand_id))
        made = self._brands.get(brand_id)
        if made is None or made.campaigns != campaigns or not _is_of(made, held, row):
            view = {
                **brand_facts_view(brand_id, held, row),
                "up_to_date": _brand_is_in_force(row, held.state.terms if held else None),
                "revision": row.revision if row else None,
                "campaigns": _campaign_counts(held, campaigns),
            }
            made = _Made(_encode(view), *_state_of(held), row, campaigns)
            _remember(self._brands, brand_id, made)
        return made.text

    def campaign(self, campaign_id: str) -> bytes | None:
        live, row = self._services.live, self._services.catalog.campaign(campaign_id)
        found = live.campaign(campaign_id)
        if row is None and (found is None or found[1].terms is None):
            return None
        held, terms = (found[0], found[1].terms) if found else (None, None)
        made = self._campaigns.get(campaign_id)
        if made is None or not _is_of(made, held, row):
            brand_id = row.brand_id if row else held.state.brand_id if held else ""
            view = {
                **campaign_view(campaign_id, held, row, brand_id),
                "up_to_date": _campaign_is_in_force(row, terms),
                "revision": row.revision if row else None,
            }
            made = _Made(_encode(view), *_state_of(held), row)
            _remember(self._campaigns, campaign_id, made)
        return made.text


def _is_of(made: "_Made[_Row]", held: HeldBrand | None, row: _Row | None) -> bool:
    state, clock = _state_of(held)
    return made.state is state and made.clock == clock and made.row is row


def _state_of(held: HeldBrand | None) -> tuple[BrandState | None, Moment]:
    return (held.state, held.clock) if held else (None, 0)


def _remember(made: dict[str, "_Made[_Row]"], key: str, one: "_Made[_Row]") -> None:
    if len(made) >= _REMEMBERED_MAX:
        made.clear()
    made[key] = one


def _campaign_counts(held: HeldBrand | None, of_rows: int) -> dict[str, Json]:
    known = [it for it in held.state.campaigns.values() if it.terms] if held else []
    paused = sum(bool(it.reasons) for it in known)
    return {"running": len(known) - paused, "paused": paused, "unknown": max(0, of_rows - len(known))}


def _brand_is_in_force(row: Brand | None, terms: BrandTerms | None) -> bool:
    """Whether the controller already decides by what was last edited."""
    if terms is None:
        return False
    return row is None or (
        row.daily_budget_micros == terms.daily_budget_micros
        and row.monthly_budget_micros == terms.monthly_budget_micros
        and row.enabled == terms.enabled
        and row.archived == terms.archived
        and [(it.time_zone, it.starts_at) for it in row.zones] == [(it.time_zone, it.starts_at) for it in terms.zones]
    )


def _campaign_is_in_force(row: Campaign | None, terms: CampaignTerms | None) -> bool:
    if terms is None:
        return False
    if row is None:
        return True
    schedule = schedule_of(row)
    return (
        row.daily_budget_micros == terms.daily_budget_micros
        and row.total_budget_micros == terms.total_budget_micros
        and row.external_id == terms.external_id
        and row.enabled == terms.enabled
        and row.archived == terms.archived
        and (schedule.starts_on, schedule.ends_on) == (terms.schedule.starts_on, terms.schedule.ends_on)
        and set(schedule.windows) == set(terms.schedule.windows)
    )
