"""The controller's state of one partition: brands, campaigns and clocks, as mutable records without rules.

Only the core changes it. Decisions do (core.decide, core.decide_catalog, core.decide_time, core.decide_snapshot, by
core.budget, core.refresh, core.evaluation and core.emission), core.guard undoes them, core.state_changes takes what
changed, and core.state_restore fills an empty state. All amounts are micros of the brand's currency.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from heapq import heappop, heappush
from typing import Final, NamedTuple

import msgspec

from core.acceptance import Tolerance
from core.boundaries import Boundaries
from core.calendar import Day, Month
from core.campaigns import Campaigns
from core.catalog import BrandConfig, CampaignConfig
from core.dayparting import Openness
from core.duplicates import DuplicateWindow
from core.moment import NEVER, Moment
from core.reasons import NO_REASONS, Reason
from core.records import Action, Budget, BudgetAlert, CauseKind, ControlCommand, SpendEvent

__all__ = [
    "ALWAYS_OPEN",
    "NO_FUTURE_SPEND",
    "UNLIMITED",
    "BrandState",
    "CampaignState",
    "Cause",
    "Cost",
    "CostKey",
    "Origin",
    "PartitionState",
    "Pause",
    "PendingResume",
    "Raised",
    "Recorded",
    "Silence",
    "ThresholdKey",
    "Thresholds",
]

#: A budget that no spend reaches; its negative is one that every spend has reached. Totals are ints without bound, and
#: a topic has room for 2^63 records of less than 2^60 micros each.
UNLIMITED: Final = 1 << 128
ALWAYS_OPEN: Final = Openness(in_flight=True, in_window=True)
#: One for all that have none, because an empty dict for each takes 64 bytes, and each flush would read it.
NO_FUTURE_SPEND: Final[Mapping[date, int]] = {}


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


class PendingResume(NamedTuple):
    """A resume that is decided, and is emitted when all spend that came before its cause is counted."""

    decided_at: Moment
    cause: Cause


class Pause(msgspec.Struct, array_like=True, gc=False):
    """A pause in force and the net spend, in micros, of the campaign that occurred after it was decided.

    Each spend of a paused campaign changes it in place: a new one would cost more than the rest of its count.
    """

    decided_at: Moment
    micros: int = 0
    events: int = 0
    last_occurred_at: Moment | None = None
    alert_id: str | None = None  # of the spend_while_paused that it raised


class CostKey(NamedTuple):
    """What a platform reports the cost of: a campaign on a day, by one source."""

    brand_id: str
    campaign_id: str
    source: str
    day: date


class Cost(NamedTuple):
    """A platform's total so far, in micros: that of the highest `as_of`."""

    as_of: Moment
    micros: int


class ThresholdKey(NamedTuple):
    """A budget whose thresholds raise alerts; `campaign_id` is empty for a budget of the brand."""

    brand_id: str
    budget: Budget
    campaign_id: str


class Raised(NamedTuple):
    """How often a percentage was raised in its period, and whether it is raised now."""

    number: int
    now: bool


class Thresholds(NamedTuple):
    """What the percentages of one budget have raised in its period, a day or month; None is all time."""

    period: str | None
    percents: dict[int, Raised]  # never changed: another takes its place


class Silence(NamedTuple):
    """The brand's last `silent` alert: the day on which it was raised, its number of that day, whether it lasts."""

    day: str
    number: int
    now: bool


class Recorded(Enum):
    """Where the last record of a campaign in `controller-state` is (core.state_records)."""

    NOWHERE = "nowhere"
    WITH_BRAND = "with brand"
    APART = "apart"


@dataclass(slots=True, eq=False)
class CampaignState:
    """Totals, reasons and last command of one campaign. `config` is None while the catalog does not know it."""

    campaign_id: str
    config: CampaignConfig | None = None
    daily_micros: int = 0
    total_micros: int = 0
    #: Micros already booked to later days; never changed: another takes its place.
    future_spend: Mapping[date, int] = field(default_factory=lambda: NO_FUTURE_SPEND)
    reasons: Reason = NO_REASONS
    last_action: Action | None = None
    sequence: int = 0
    pending_resume: PendingResume | None = None
    pause: Pause | None = None  # None while it runs, and of a pause that an older release decided
    running_since: Moment = 0  # decided_at of the last resume; 0: an older release decided it
    unknown_on: str | None = None  # the last day that raised unknown_campaign, until the catalog brings it
    recorded: Recorded = Recorded.NOWHERE
    # Derived (core.refresh):
    daily_limit: int = UNLIMITED
    total_limit: int = UNLIMITED
    openness: Openness = ALWAYS_OPEN
    boundary_at: Moment = NEVER
    daily_exhausted: bool = False
    total_exhausted: bool = False
    # Totals within `[low, high)` change neither what is used up nor an alert.
    daily_low: int = -UNLIMITED
    daily_high: int = UNLIMITED
    total_low: int = -UNLIMITED
    total_high: int = UNLIMITED
    dirty: bool = False


@dataclass(slots=True, eq=False)
class BrandState:
    """Totals, clock and campaigns of one brand. `config` is None until its document has arrived."""

    brand_id: str
    config: BrandConfig | None = None
    day: Day | None = None
    month: Month | None = None
    daily_micros: int = 0
    monthly_micros: int = 0
    future_spend: Mapping[date, int] = field(default_factory=lambda: NO_FUTURE_SPEND)
    clock: Moment = 0
    has_spend: bool = False
    last_spend_at: Moment | None = None  # the clock when spend last arrived; None: an older release had it last
    silence: Silence | None = None
    spent_before_day_micros: int = 0  # of the open month, as known when the open day began
    daily_allowance_micros: int | None = None  # of the open day; None unless it is paced
    campaigns: Campaigns[CampaignState] = field(default_factory=Campaigns)
    recorded_campaigns: int = 0  # how many campaigns its last record in `controller-state` has
    # Derived (core.refresh):
    day_starts_at: Moment = NEVER
    day_ends_at: Moment = 0
    daily_limit: int = UNLIMITED
    monthly_limit: int = UNLIMITED
    daily_exhausted: bool = False
    monthly_exhausted: bool = False
    daily_low: int = -UNLIMITED
    daily_high: int = UNLIMITED
    monthly_low: int = -UNLIMITED
    monthly_high: int = UNLIMITED
    spend_ends_silence: bool = False  # the next spend resolves an alert or begins the wait for one
    silence_check_at: Moment = NEVER  # not after the moment at which the brand is silent
    allowance_exhausted: bool = False
    next_boundary_at: Moment = NEVER
    dirty: bool = False

    def campaign(self, campaign_id: str) -> CampaignState:
        """The campaign's state; an empty one is added when there is none."""
        campaign = self.campaigns.get(campaign_id)
        if campaign is None:
            campaign = CampaignState(campaign_id)
            self.campaigns.add(campaign)
        return campaign


@dataclass(slots=True, eq=False)
class PartitionState:
    """The brands of one partition, what decisions left to emit, and what changed since the last flush."""

    partition: int
    duplicates: DuplicateWindow
    tolerance: Tolerance = field(default_factory=Tolerance)
    reaction_ms: int = 60_000  # how long after a pause spend is no cause of alarm
    clock: Moment = 0  # the highest tick
    brands: dict[str, BrandState] = field(default_factory=dict)
    pending_resumes: dict[tuple[str, str], tuple[BrandState, CampaignState]] = field(default_factory=dict)
    #: `decided_at` -> how many of them. A midnight's are very many and have few moments.
    pending_moments: dict[Moment, int] = field(default_factory=dict)
    #: brand -> day -> (campaign, source) -> cost, of the brands that platforms report
    costs: dict[str, dict[date, dict[tuple[str, str], Cost]]] = field(default_factory=dict)
    #: brand -> (budget, campaign or "") -> what was raised, of budgets that raised anything in their period
    thresholds: dict[str, dict[tuple[Budget, str], Thresholds]] = field(default_factory=dict)
    boundaries: Boundaries = field(default_factory=Boundaries)  # entries may be stale
    silence_checks: list[tuple[Moment, str]] = field(default_factory=list)  # heap; entries may be stale
    guarded: set[str] = field(default_factory=set)  # brands about which a decision has failed (core.guard)
    underived: set[str] = field(default_factory=set)  # of these, those whose derived state could not be restored
    # Left by decisions since the last flush:
    commands: list[ControlCommand] = field(default_factory=list)
    alerts: list[BudgetAlert] = field(default_factory=list)
    dirty_brands: list[BrandState] = field(default_factory=list)
    #: Those that their brand's record does not have.
    dirty_campaigns: list[tuple[BrandState, CampaignState]] = field(default_factory=list)
    new_documents: dict[str, bytes] = field(default_factory=dict)  # catalog key -> document now in force
    changed_costs: dict[CostKey, Cost | None] = field(default_factory=dict)  # None: held no longer
    changed_thresholds: dict[ThresholdKey, Thresholds | None] = field(default_factory=dict)  # None: held no longer
    spend_events: list[tuple[SpendEvent, Moment]] = field(default_factory=list)  # of snapshots, with their arrivals

    def brand(self, brand_id: str) -> BrandState:
        """The brand's state; an empty one is added when there is none."""
        brand = self.brands.get(brand_id)
        if brand is None:
            brand = self.brands[brand_id] = BrandState(brand_id)
        return brand

    def take_brand(self, brand: BrandState) -> None:
        """Have this brand, which was of another state, with the resumes that are pending for it."""
        self.brands[brand.brand_id] = brand
        for campaign in brand.campaigns.values():
            if resume := campaign.pending_resume:
                campaign.pending_resume = None
                self.await_resume(brand, campaign, resume)

    @property
    def resumes_pending_since(self) -> Moment | None:
        """The moment at which the oldest pending resume was decided; None when none is pending."""
        return min(self.pending_moments, default=None)

    def await_resume(self, brand: BrandState, campaign: CampaignState, resume: PendingResume) -> None:
        """Have this resume of the campaign pending, in place of another."""
        if campaign.pending_resume is not None:
            self.drop_resume(brand, campaign)
        campaign.pending_resume = resume
        self.pending_resumes[brand.brand_id, campaign.campaign_id] = (brand, campaign)
        self.pending_moments[resume.decided_at] = self.pending_moments.get(resume.decided_at, 0) + 1

    def drop_resume(self, brand: BrandState, campaign: CampaignState) -> None:
        """Have no resume of the campaign pending any more."""
        resume, campaign.pending_resume = campaign.pending_resume, None
        if resume is None:
            return
        del self.pending_resumes[brand.brand_id, campaign.campaign_id]
        left = self.pending_moments[resume.decided_at] - 1
        if left:
            self.pending_moments[resume.decided_at] = left
        else:
            del self.pending_moments[resume.decided_at]

    def touch_brand(self, brand: BrandState) -> None:
        """Have the brand recorded by the next flush."""
        if not brand.dirty:
            brand.dirty = True
            self.dirty_brands.append(brand)

    def touch_campaign(self, brand: BrandState, campaign: CampaignState) -> None:
        """Have the campaign recorded, and its brand, whose record may be the campaign's too."""
        self.touch_brand(brand)
        if not campaign.dirty:
            campaign.dirty = True
            if campaign.recorded is not Recorded.WITH_BRAND:
                self.dirty_campaigns.append((brand, campaign))

    def hold_cost(self, key: CostKey, cost: Cost) -> None:
        """Hold a platform's cost in place of the one before."""
        of_day = self.costs.setdefault(key.brand_id, {}).setdefault(key.day, {})
        of_day[key.campaign_id, key.source] = self.changed_costs[key] = cost

    def drop_cost(self, key: CostKey) -> None:
        """Hold this cost no longer."""
        of_brand = self.costs[key.brand_id]
        del of_brand[key.day][key.campaign_id, key.source]
        if not of_brand[key.day]:
            del of_brand[key.day]
        self.changed_costs[key] = None

    def hold_thresholds(self, key: ThresholdKey, thresholds: Thresholds | None) -> None:
        """Hold what a budget's percentages have raised in place of what is held; None drops it."""
        of_brand = self.thresholds.setdefault(key.brand_id, {})
        if thresholds is None:
            del of_brand[key.budget, key.campaign_id]
        else:
            of_brand[key.budget, key.campaign_id] = thresholds
        self.changed_thresholds[key] = thresholds

    def add_silence_check(self, brand: BrandState, moment: Moment) -> None:
        """Have the first tick from `moment` on ask whether the brand is silent."""
        if moment != brand.silence_check_at:
            brand.silence_check_at = moment
            if moment != NEVER:
                heappush(self.silence_checks, (moment, brand.brand_id))

    def due_silence_checks(self, moment: Moment) -> Generator[BrandState, None, None]:
        """The brands of which to ask by `moment` whether they are silent, by id: when each is asked may differ from run
        to run, the order of the answers may not. Those that are not taken stay due."""
        found: dict[str, BrandState] = {}
        while self.silence_checks and self.silence_checks[0][0] <= moment:
            entered_at, brand_id = heappop(self.silence_checks)
            brand = self.brands[brand_id]
            if brand.silence_check_at == entered_at:
                found[brand_id] = brand
        waiting = [found[brand_id] for brand_id in sorted(found, reverse=True)]
        try:
            while waiting:
                yield waiting.pop()
        finally:
            for brand in waiting:
                self.ask_again(brand)

    def add_boundary(self, brand: BrandState, moment: Moment) -> None:
        """Make the brand due at `moment`, in place of its former boundary."""
        if moment != brand.next_boundary_at:
            brand.next_boundary_at = moment
            if moment != NEVER:
                self.boundaries.add(moment, brand.brand_id)

    def wake_again(self, brand: BrandState) -> None:
        """Make a brand that `due` returned due once more."""
        self.boundaries.add(brand.next_boundary_at, brand.brand_id)

    def ask_again(self, brand: BrandState) -> None:
        """Make a brand that `due_silence_checks` returned due once more."""
        heappush(self.silence_checks, (brand.silence_check_at, brand.brand_id))

    def due(self, moment: Moment) -> Generator[BrandState, None, None]:
        """Remove and return the brands with a boundary at or before `moment`; the cost grows with these alone.

        Whoever takes one moves its boundary, or calls `wake_again`. Those that are not taken stay due.
        """
        while entry := self.boundaries.take_due(moment):  # a guard puts others in their place meanwhile
            entered_at, brand_id = entry
            brand = self.brands[brand_id]
            if brand.next_boundary_at == entered_at:
                yield brand
