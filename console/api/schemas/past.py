"""What the ledger and the journal say of the past: sums, reports, timelines, what-if."""

from console.api.schemas.catalog import HistoryRow
from console.api.schemas.common import Answer, Day, Moment, Money
from core.records import Action

__all__ = [
    "BookedSum",
    "CampaignTimeline",
    "MonthReport",
    "ReportCampaign",
    "ReportCampaignDay",
    "ReportDay",
    "SpendSums",
    "TimelineBand",
    "WhatIfBrand",
    "WhatIfCampaign",
    "WhatIfCommand",
    "WhatIfResult",
    "WhatIfStretch",
]


class BookedSum(Answer, frozen=True, kw_only=True):
    """`campaign_id` and `day` are null where sums are not `by` them."""

    campaign_id: str | None
    day: Day | None
    events: int
    spent: Money


class SpendSums(Answer, frozen=True, kw_only=True):
    """Net spend that counts, of the ledger; `events` and `spent` are of all items together."""

    brand_id: str
    currency: str
    day_from: Day
    day_until: Day
    events: int
    spent: Money
    items: list[BookedSum]


class ReportDay(Answer, frozen=True, kw_only=True):
    """A daily budget of null is unlimited, or not known. `variance` above zero: more was spent than budgeted."""

    day: Day
    budget: Money | None
    spent: Money
    variance: Money | None


class ReportCampaignDay(ReportDay, frozen=True, kw_only=True):
    """Time off for several reasons counts for each of them."""

    seconds_on: int
    seconds_off: int
    seconds_unknown: int
    seconds_off_by_reason: dict[str, int]


class ReportCampaign(Answer, frozen=True, kw_only=True):
    """`is_known` is false where the catalog does not have it; its money counts to the brand all the same."""

    campaign_id: str
    name: str | None
    is_known: bool
    spent: Money
    days: list[ReportCampaignDay]


class MonthReport(Answer, frozen=True, kw_only=True):
    """Budgets are those in force when the day, or the month, ended."""

    brand_id: str
    month: str
    time_zone: str
    currency: str
    as_of: Moment
    monthly_budget: Money | None
    spent: Money
    variance: Money | None
    days: list[ReportDay]
    campaigns: list[ReportCampaign]


class WhatIfCommand(Answer, frozen=True, kw_only=True):
    decided_at: Moment
    action: Action
    reasons: list[str]


class WhatIfStretch(Answer, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`now` and `then`: running, paused or absent, by the catalog as it is and with the rows. `spent` arrived in it."""

    from_: Moment
    to: Moment
    seconds: int
    now: str
    then: str
    spent: Money
    events: int


class WhatIfCampaign(Answer, frozen=True, kw_only=True):
    """A campaign about which the two differ. `only_now` are commands that the rows would not have made, `only_then`
    others."""

    campaign_id: str
    commands_now: int
    commands_then: int
    only_now: list[WhatIfCommand]
    only_then: list[WhatIfCommand]
    spent_where_it_would_be_paused: Money
    spent_where_it_would_be_running: Money
    stretches: list[WhatIfStretch]


class WhatIfBrand(Answer, frozen=True, kw_only=True, rename={"from_": "from"}):
    brand_id: str
    currency: str
    from_: Moment
    to: Moment
    events: int
    spent_where_it_would_be_paused: Money
    spent_where_it_would_be_running: Money
    campaigns: list[WhatIfCampaign]


class WhatIfResult(Answer, frozen=True, kw_only=True, rename={"from_": "from"}):
    """The brands that the rows change; `differences` are rows that say something else than the catalog."""

    from_: Day
    to: Day
    differences: int
    events: int
    brands: list[WhatIfBrand]


class TimelineBand(Answer, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`state` is running, paused or unknown. `begins_with_command`: whether the band begins with the
    command; else it begins with the period, or by time or an edit in the middle of a pause."""

    from_: Moment
    to: Moment
    local_from: Moment
    local_to: Moment
    time_zone: str
    seconds: int
    state: str
    reasons: list[str]
    words: str | None
    spent: Money
    command_id: str | None
    begins_with_command: bool
    follows_a_gap: bool
    cause: str | None
    event_id: str | None
    actor: str | None
    change: HistoryRow | None


class CampaignTimeline(Answer, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Bands that touch, by the brand's clock. `spent` is what occurred in them."""

    campaign_id: str
    brand_id: str
    currency: str
    from_: Day
    to: Day
    running_seconds: int
    paused_seconds: int
    unknown_seconds: int
    paused_seconds_by_reason: dict[str, int]
    spent: Money
    spent_while_paused: Money
    bands: list[TimelineBand]
