"""What the controller remembers of one partition: brands, campaigns, clocks. Only `decide` writes to it."""

from dataclasses import dataclass, field
from datetime import date
from heapq import heappop, heappush
from typing import Final, NamedTuple

from streams.core.calendar import Day, Month
from streams.core.dayparting import Openness
from streams.core.duplicates import DuplicateWindow
from streams.core.moment import Moment
from streams.core.reasons import NO_REASONS, Reason
from streams.core.records import Action, CauseKind, ControlCommand
from streams.core.terms import BrandTerms, CampaignTerms

__all__ = ["NEVER", "UNLIMITED", "Awaited", "BrandState", "CampaignState", "Cause", "Origin", "PartitionState"]

#: A budget that no spend reaches; its negative is one that every spend has reached.
UNLIMITED: Final = 1 << 62
#: A moment after every other.
NEVER: Final[Moment] = 1 << 62
ALWAYS_OPEN: Final = Openness(in_flight=True, in_window=True)


class Origin(NamedTuple):
    """Where a record came from, and its arrival."""

    topic: str
    offset: int
    arrival: Moment


class Cause(NamedTuple):
    """The record that made a decision. `event_id` and `amount_micros` where it is spend or a correction."""

    kind: CauseKind
    topic: str
    partition: int
    offset: int
    event_id: str | None = None
    amount_micros: int | None = None


class Awaited(NamedTuple):
    """A resume that is decided but waits until the spend that was on the topic with its cause is counted."""

    decided_at: Moment
    cause: Cause


@dataclass(slots=True, eq=False)
class CampaignState:
    """Totals and standing of one campaign. `terms` is None while the catalog does not know it."""

    campaign_id: str
    terms: CampaignTerms | None = None
    daily_micros: int = 0
    total_micros: int = 0
    ahead: dict[date, int] = field(default_factory=dict)  # spend already dated to days to come
    reasons: Reason = NO_REASONS
    told: Action | None = None
    sequence: int = 0
    awaited: Awaited | None = None
    # Derived from terms and clock:
    daily_limit: int = UNLIMITED
    total_limit: int = UNLIMITED
    openness: Openness = ALWAYS_OPEN
    boundary_at: Moment = NEVER
    daily_spent_out: bool = False
    total_spent_out: bool = False
    dirty: bool = False


@dataclass(slots=True, eq=False)
class BrandState:
    """Totals, clock and campaigns of one brand. `terms` is None while only its campaigns' documents came."""

    brand_id: str
    terms: BrandTerms | None = None
    day: Day | None = None
    month: Month | None = None
    daily_micros: int = 0
    monthly_micros: int = 0
    ahead: dict[date, int] = field(default_factory=dict)
    clock: Moment = 0
    has_spend: bool = False
    campaigns: dict[str, CampaignState] = field(default_factory=dict)
    # Derived:
    day_starts_at: Moment = NEVER
    day_ends_at: Moment = 0
    daily_limit: int = UNLIMITED
    monthly_limit: int = UNLIMITED
    daily_spent_out: bool = False
    monthly_spent_out: bool = False
    wakes_at: Moment = NEVER
    dirty: bool = False


@dataclass(slots=True, eq=False)
class PartitionState:
    """Everything of one partition; brands never cross partitions, so neither does a decision."""

    partition: int
    duplicates: DuplicateWindow
    future_tolerance_ms: int = 300_000  # how far occurred_at may lie ahead of arrival
    clock: Moment = 0  # the highest tick
    brands: dict[str, BrandState] = field(default_factory=dict)
    awaiting: dict[tuple[str, str], tuple[BrandState, CampaignState]] = field(default_factory=dict)
    wakes: list[tuple[Moment, str]] = field(default_factory=list)  # heap; entries may be stale
    # What came of decisions since the last flush:
    commands: list[ControlCommand] = field(default_factory=list)
    dirty_brands: list[BrandState] = field(default_factory=list)
    dirty_campaigns: list[tuple[BrandState, CampaignState]] = field(default_factory=list)
    new_documents: dict[str, bytes] = field(default_factory=dict)  # catalog key -> document now in force

    def brand(self, brand_id: str) -> BrandState:
        """The brand's state, made on first sight."""
        brand = self.brands.get(brand_id)
        if brand is None:
            brand = self.brands[brand_id] = BrandState(brand_id)
        return brand

    def touch_brand(self, brand: BrandState) -> None:
        if not brand.dirty:
            brand.dirty = True
            self.dirty_brands.append(brand)

    def touch_campaign(self, brand: BrandState, campaign: CampaignState) -> None:
        if not campaign.dirty:
            campaign.dirty = True
            self.dirty_campaigns.append((brand, campaign))

    def wake(self, brand: BrandState, moment: Moment) -> None:
        """Have the first tick from `moment` on look at the brand."""
        if moment != brand.wakes_at:
            brand.wakes_at = moment
            if moment != NEVER:
                heappush(self.wakes, (moment, brand.brand_id))

    def due(self, moment: Moment) -> list[BrandState]:
        """The brands that have something to decide by `moment`; costs what is due, not what exists."""
        found: dict[str, BrandState] = {}
        while self.wakes and self.wakes[0][0] <= moment:
            wakes_at, brand_id = heappop(self.wakes)
            brand = self.brands[brand_id]
            if brand.wakes_at == wakes_at:
                found[brand_id] = brand
        return list(found.values())
