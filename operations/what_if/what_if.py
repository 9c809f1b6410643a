"""What another catalog would have made of a period: the ledger's spend decided again, and nothing written."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import msgspec

from core.calendar import Zones, day_of
from core.errors import RefusedValue, SpendgateError
from core.moment import Moment, format_moment
from core.records import BrandDocument, CampaignDocument, ZoneDocument
from core.refusal import Refusal
from core.rerun import DecidedCommand, DifferingStretch, OpeningSpend, Rerun, TwoRuns, start_rerun
from core.spend import Spend
from models.errors import RowNotFound
from models.queries import catalog_batch
from models.queries.catalog import list_campaigns
from models.queries.catalog_batch import CatalogRows
from models.queries.spend_period import PeriodSum, SpendPeriods, open_spend_periods
from models.session import session_scope
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations import validation
from operations.catalog_file.application import plan_file
from operations.catalog_file.difference import RowDifference
from operations.catalog_file.effects import planned_document
from operations.catalog_file.rows import FileRows
from operations.schedule_preview import zones_of
from schedulers.catalog_relay.documents import document_of

__all__ = [
    "ASKED_EVENTS_MAX",
    "DAYS_MAX",
    "BrandResult",
    "WhatIf",
    "WhatIfRequest",
    "what_if",
]

DAYS_MAX: Final = 366
#: Of a question that is asked by HTTP: some seconds of a thread.
ASKED_EVENTS_MAX: Final = 200_000


@dataclass(frozen=True, slots=True)
class WhatIfRequest:
    """Days are each brand's own, both inclusive. `brand_id` None: every brand that the file changes."""

    first: date
    last: date
    brand_id: str | None = None
    #: Refuse a period with more events; None takes any.
    events_max: int | None = None


@dataclass(frozen=True, slots=True)
class BrandResult:
    """The differences between the two runs of one brand."""

    brand_id: str
    currency: str
    starts_at: Moment
    ends_at: Moment
    events: int
    stretches: Sequence[DifferingStretch] = ()
    only_now: Counter[DecidedCommand] = field(default_factory=Counter)
    only_then: Counter[DecidedCommand] = field(default_factory=Counter)
    commands_now: Counter[str] = field(default_factory=Counter)
    commands_then: Counter[str] = field(default_factory=Counter)

    def campaign_ids(self) -> list[str]:
        """The campaigns about which the runs differ."""
        decided = {it.campaign_id for it in (*self.only_now, *self.only_then)}
        return sorted(decided | {it.campaign_id for it in self.stretches})


@dataclass(frozen=True, slots=True)
class WhatIf:
    request: WhatIfRequest
    differences: Sequence[RowDifference]
    brands: Sequence[BrandResult]

    @property
    def is_empty(self) -> bool:
        return not any(it.campaign_ids() for it in self.brands)


def what_if(url: str, file: FileRows, request: WhatIfRequest, now: Moment) -> WhatIf:
    """Decide again on the spend of every brand that the file changes, under the catalog of now and under the file's, as
    if each had been in force for the whole period. Raises WrongRows as `catalog plan` does, RefusedValue and
    RowNotFound."""
    _check(request)
    with session_scope(url) as session:
        planned = plan_file(session, file, now)
        differences = [
            it for it in planned.comparison.differences if request.brand_id is None or it.brand_id == request.brand_id
        ]
        brand_ids = {it.brand_id for it in differences}
        rows = catalog_batch.read_rows(session, brand_ids | {it for it in (request.brand_id,) if it}, set())
        if request.brand_id is not None and request.brand_id not in rows.brands:
            raise RowNotFound(f"There is no brand {request.brand_id}.")
        campaigns = {brand_id: list_campaigns(session, brand_id=brand_id) for brand_id in sorted(brand_ids)}
    left = request.events_max
    results = []
    with open_spend_periods(url) as periods:
        for brand_id, of_brand in campaigns.items():
            brand = rows.brands.get(brand_id)
            if brand is None:  # the file adds it, so nothing was ever spent
                continue
            mine = [it for it in differences if it.brand_id == brand_id]
            result = _decided_again(periods, brand, of_brand, mine, request, now, left)
            left = None if left is None else left - result.events
            results.append(result)
    return WhatIf(request, differences, results)


def _check(request: WhatIfRequest) -> None:
    if request.brand_id is not None:
        validation.identifier("brand", request.brand_id)
    if request.first > request.last:
        raise RefusedValue("The last day is before the first: write the earlier one as `from`.")
    if (request.last - request.first).days >= DAYS_MAX:
        raise RefusedValue(f"A period has at most {DAYS_MAX} days: ask for fewer.")
    if request.first.year < 1970 or request.last.year > 9_000:
        raise RefusedValue("There is no spend of those days: write days of the years 1970 to 9000.")


def _decided_again(
    periods: SpendPeriods,
    brand: Brand,
    campaigns: Sequence[Campaign],
    differences: Sequence[RowDifference],
    request: WhatIfRequest,
    now: Moment,
    events_max: int | None,
) -> BrandResult:
    zones = zones_of(brand)
    starts_at = day_of(zones, request.first).starts_at
    ends_at = max(starts_at, min(day_of(zones, request.last).ends_at, now))
    sums = periods.sums_before(brand.brand_id, starts_at, request.first.replace(day=1))
    runs = _two_runs(brand, campaigns, differences, zones, sums, starts_at)
    events = 0
    for event_id, campaign_id, micros, occurred_at, arrived_at in periods.spend(brand.brand_id, starts_at, ends_at):
        events += 1
        if events_max is not None and events > events_max:
            raise RefusedValue(
                "The period has more spend than a page or the API decides again: ask for fewer days or one brand, or "
                "run `spendgate what-if`."
            )
        runs.spend(Spend(event_id, brand.brand_id, campaign_id, micros, None, occurred_at), arrived_at)
    runs.end(ends_at)
    return BrandResult(
        brand_id=brand.brand_id,
        currency=brand.currency,
        starts_at=starts_at,
        ends_at=ends_at,
        events=events,
        stretches=runs.stretches,
        only_now=runs.only_now,
        only_then=runs.only_then,
        commands_now=runs.commands_now,
        commands_then=runs.commands_then,
    )


def _two_runs(
    brand: Brand,
    campaigns: Sequence[Campaign],
    differences: Sequence[RowDifference],
    zones: Zones,
    sums: Sequence[PeriodSum],
    starts_at: Moment,
) -> TwoRuns:
    """A run under the catalog of now, and one under the file's."""
    documents = {it.campaign_id: msgspec.json.encode(document_of(it, 1)) for it in campaigns}
    of_now = msgspec.json.encode(document_of(brand, 1)), documents
    of_file = _documents_of_file(brand, campaigns, documents, differences, zones, starts_at)
    now, then = (_started(brand.brand_id, *it, sums, starts_at) for it in (of_now, of_file))
    return TwoRuns(now, then, starts_at)


def _started(
    brand_id: str, brand: bytes, campaigns: Mapping[str, bytes], sums: Iterable[PeriodSum], starts_at: Moment
) -> Rerun:
    run = start_rerun(brand_id, brand, campaigns, (OpeningSpend(*it) for it in sums), starts_at)
    if isinstance(run, Refusal):
        raise SpendgateError(f"The document of brand {brand_id} cannot be used: {run.message}.")
    return run


def _documents_of_file(
    brand: Brand,
    campaigns: Sequence[Campaign],
    documents: Mapping[str, bytes],
    differences: Sequence[RowDifference],
    zones: Zones,
    starts_at: Moment,
) -> tuple[bytes, dict[str, bytes]]:
    """The documents of brand and campaigns as the file would make them; another time zone is in force from the
    beginning of the period."""
    known = CatalogRows({brand.brand_id: brand}, {it.campaign_id: it for it in campaigns})
    of_brand: BrandDocument | CampaignDocument = document_of(brand, 1)
    of_campaigns = dict(documents)
    for it in differences:
        document = planned_document(it, 1, known=known, zone_starts_at=starts_at)
        if it.campaign_id is None:
            of_brand = document
        else:
            of_campaigns[it.campaign_id] = msgspec.json.encode(document)
    if isinstance(of_brand, BrandDocument) and len(of_brand.zones) > len(zones):
        before = [
            ZoneDocument(it.time_zone, None if it.starts_at is None else format_moment(it.starts_at))
            for it in zones
            if it.starts_at is None or it.starts_at < starts_at
        ]
        of_brand = msgspec.structs.replace(of_brand, zones=[*before, of_brand.zones[-1]])
    return msgspec.json.encode(of_brand), of_campaigns
