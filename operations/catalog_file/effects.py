"""The pauses and resumes that differences would cause now, decided by the core on a copy of the controller's state.

Pure: no I/O.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

from core.dayparting import flight_is_over
from core.decide_catalog import decide_brand, decide_campaign
from core.decide_time import Tick, decide_tick
from core.duplicates import DuplicateWindow
from core.guard import Undecidable, attempt
from core.moment import Moment, format_moment
from core.reasons import NO_REASONS, Reason, reason_names
from core.records import Action, BrandDocument, CampaignDocument, ZoneDocument
from core.state import BrandState, Origin, PartitionState
from models.queries.catalog_batch import CatalogRows
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations.catalog_file.difference import RowDifference
from schedulers.catalog_relay.documents import document_of

if TYPE_CHECKING:  # a comparison with the database needs no client of Kafka
    from streams.live_state import HeldBrand

__all__ = ["Effect", "Effects", "effects_of", "planned_document"]

_NOWHERE: Final = ""
#: The document of a difference in a version.
_Planned: TypeAlias = Callable[[RowDifference, int], BrandDocument | CampaignDocument]


class Effect(NamedTuple):
    """A campaign that would pause or resume."""

    brand_id: str
    campaign_id: str
    #: The reasons of the pause that would begin or end; empty for a new campaign that would run.
    reasons: Sequence[str]
    flight_is_over: bool


class _Decision(NamedTuple):
    """The last action of a campaign, or resume while one is pending, and its reasons."""

    action: Action | None
    reasons: Reason
    flight_is_over: bool


_NEW: Final = _Decision(None, NO_REASONS, False)
#: By campaign id.
_Decisions: TypeAlias = dict[str, _Decision]


@dataclass(frozen=True, slots=True)
class Effects:
    """The campaigns that would pause, those that would resume, and the brands of which it is not known."""

    pauses: list[Effect]
    resumes: list[Effect]
    #: Brands whose effects are not known: the controller does not hold them yet, or deciding about them failed.
    unknown: list[str]


def effects_of(
    differences: Iterable[RowDifference],
    known: CatalogRows,
    held: "Mapping[str, HeldBrand | None]",
    now: Moment,
    zone_starts_at: Moment,
) -> Effects:
    """The effects, sorted by brand and campaign. `held` has every brand of `differences`, None where the controller
    holds nothing. Effects that time alone has between the state's clock and `now` are left out."""
    planned = partial(planned_document, known=known, zone_starts_at=zone_starts_at)
    found = Effects([], [], [])
    by_brand = sorted(differences, key=lambda it: (it.brand_id, it.campaign_id or ""))
    for brand_id, of_brand in groupby(by_brand, key=lambda it: it.brand_id):
        brand = held[brand_id]
        if (brand is None or brand.state.config is None) and brand_id in known.brands:
            found.unknown.append(brand_id)
            continue
        state = _copy(brand_id, brand)
        try:
            before, after = attempt(state, brand_id, _decide, state, brand_id, list(of_brand), planned, now)
        except Undecidable:
            found.unknown.append(brand_id)
        else:
            _note_changes(found, brand_id, before, after)
    return found


def _copy(brand_id: str, held: "HeldBrand | None") -> PartitionState:
    """A partition with a copy of this brand, guarded, so that an exception leaves other brands unaffected."""
    state = PartitionState(0, DuplicateWindow(1), guarded={brand_id})
    if held is not None:
        brand = deepcopy(held.state)
        state.clock = held.clock
        state.take_brand(brand)
        state.wake_again(brand)
    return state


def _decide(
    state: PartitionState, brand_id: str, differences: Sequence[RowDifference], planned: _Planned, now: Moment
) -> tuple[_Decisions, _Decisions]:
    """The decisions about the brand's campaigns before and after the documents of the differences are in force."""
    origin = Origin(_NOWHERE, 0, now)
    decide_tick(state, Tick(now), origin)
    brand = state.brand(brand_id)
    before = _decisions(brand, now)
    for difference in differences:
        _put_in_force(state, brand, difference, planned, origin)
    return before, _decisions(brand, now)


def _note_changes(found: Effects, brand_id: str, before: _Decisions, after: _Decisions) -> None:
    def effect(campaign_id: str, paused: _Decision) -> Effect:
        return Effect(brand_id, campaign_id, reason_names(paused.reasons), paused.flight_is_over)

    for campaign_id, its in sorted(after.items()):
        former = before.get(campaign_id, _NEW)
        if its.action is Action.PAUSE and former.action is not Action.PAUSE:
            found.pauses.append(effect(campaign_id, its))
        elif its.action is Action.RESUME and former.action is not Action.RESUME:
            found.resumes.append(effect(campaign_id, former))


def _decisions(brand: BrandState, now: Moment) -> _Decisions:
    zones = brand.config.zones if brand.config else ()
    return {
        it.campaign_id: _Decision(
            Action.RESUME if it.pending_resume else it.last_action,
            it.reasons,
            bool(zones) and flight_is_over(it.config.schedule, zones, now),
        )
        for it in brand.campaigns.values()
        if it.config is not None
    }


def _put_in_force(
    state: PartitionState, brand: BrandState, difference: RowDifference, planned: _Planned, origin: Origin
) -> None:
    campaign_id = difference.campaign_id
    campaign = None if campaign_id is None else brand.campaigns.get(campaign_id)
    config = brand.config if campaign_id is None else campaign and campaign.config
    document = msgspec.json.encode(planned(difference, config.version + 1 if config else 1))
    if campaign_id is None:
        decide_brand(state, brand.brand_id, document, origin)
    else:
        decide_campaign(state, brand.brand_id, campaign_id, document, origin)


def planned_document(
    difference: RowDifference, version: int, *, known: CatalogRows, zone_starts_at: Moment
) -> BrandDocument | CampaignDocument:
    """The document that the relay would publish."""
    fields = {it.column.name: it.column.kind.document(it.after) for it in difference.fields}
    if difference.campaign_id is not None:
        values = _fields(known.campaigns.get(difference.campaign_id))
        ids = {"brand_id": difference.brand_id, "campaign_id": difference.campaign_id, "version": version}
        return msgspec.convert(values | ids | fields, CampaignDocument)
    brand = known.brands.get(difference.brand_id)
    values = _fields(brand) | {"brand_id": difference.brand_id, "version": version}
    time_zone = fields.pop("time_zone", None)
    if time_zone is not None:
        starts_at = None if brand is None else format_moment(zone_starts_at)
        values["zones"] = [*values.get("zones", ()), msgspec.to_builtins(ZoneDocument(time_zone, starts_at))]
    return msgspec.convert(values | fields, BrandDocument)


def _fields(row: Brand | Campaign | None) -> dict[str, Any]:
    return {} if row is None else dict(msgspec.to_builtins(document_of(row, 1)))
