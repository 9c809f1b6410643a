"""What another catalog would have made of a period: the ledger's spend decided again, and nothing written."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import msgspec

from core.calendar import Zones, day_of
from core.errors import RefusedValue, SpendgateError
from core.moment import SECOND, Moment, format_moment
from core.money import format_money
from core.records import Action, BrandDocument, CampaignDocument, ZoneDocument
from core.refusal import Refusal
from core.rerun import Decided, DifferingStretch, Opening, Rerun, TwoRuns, start_rerun
from core.spend import Spend
from models.errors import RowNotFound
from models.queries import catalog_batch
from models.queries.catalog import list_campaigns
from models.queries.catalog_batch import CatalogRows
from models.queries.spend_period import PeriodSum, SpendPeriods, open_spend_periods
from models.session import session_scope
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations.catalog_file.application import plan_file
from operations.catalog_file.difference import RowDifference
from operations.catalog_file.effects import planned_document
from operations.catalog_file.rows import FileRows
from operations.catalog_views import Json
from operations.schedule_preview import zones_of
from schedulers.catalog_relay.documents import document_of

__all__ = [
    "ASKED_EVENTS_MAX",
    "DAYS_MAX",
    "BrandResult",
    "WhatIf",
    "WhatIfRequest",
    "what_if",
    "what_if_lines",
    "what_if_view",
]

DAYS_MAX: Final = 366
#: Of a question that is asked by HTTP: some seconds of a thread.
ASKED_EVENTS_MAX: Final = 200_000
_STATES: Final = {Action.RESUME: "running", Action.PAUSE: "paused", None: "absent"}


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
    only_now: Counter[Decided] = field(default_factory=Counter)
    only_then: Counter[Decided] = field(default_factory=Counter)
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
    documents = {it.campaign_id: msgspec.json.encode(document_of(it, 1)) for it in campaigns}
    runs = TwoRuns(
        _started(brand.brand_id, msgspec.json.encode(document_of(brand, 1)), documents, sums, starts_at),
        _started(
            brand.brand_id,
            *_documents_of_file(brand, campaigns, documents, differences, zones, starts_at),
            sums,
            starts_at,
        ),
        starts_at,
    )
    events = 0
    spend = runs.spend
    for event_id, campaign_id, micros, occurred_at, arrived_at in periods.spend(brand.brand_id, starts_at, ends_at):
        events += 1
        if events_max is not None and events > events_max:
            raise RefusedValue(
                "The period has more spend than a page or the API decides again: ask for fewer days or one brand, or "
                "run `spendgate what-if`."
            )
        spend(Spend(event_id, brand.brand_id, campaign_id, micros, None, occurred_at), arrived_at)
    runs.end(ends_at)
    return BrandResult(
        brand.brand_id,
        brand.currency,
        starts_at,
        ends_at,
        events,
        runs.stretches,
        runs.only_now,
        runs.only_then,
        runs.commands_now,
        runs.commands_then,
    )


def _started(
    brand_id: str, brand: bytes, campaigns: Mapping[str, bytes], sums: Iterable[PeriodSum], starts_at: Moment
) -> Rerun:
    run = start_rerun(brand_id, brand, campaigns, (Opening(*it) for it in sums), starts_at)
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
    """Another time zone of the file is in force from the beginning of the period."""
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


def what_if_view(found: WhatIf) -> dict[str, Json]:
    return {
        "from": found.request.first.isoformat(),
        "to": found.request.last.isoformat(),
        "differences": len(found.differences),
        "events": sum(it.events for it in found.brands),
        "brands": [_brand_view(it) for it in found.brands],
    }


def what_if_lines(found: WhatIf) -> Iterator[str]:
    """Each campaign about which the catalogs differ, each stretch of it, and the sums."""
    for result in found.brands:
        campaigns = _campaign_views(result)
        for campaign in campaigns:
            yield (
                f"{campaign['campaign_id']} of {result.brand_id}: {campaign['commands_now']} commands as it is, "
                f"{campaign['commands_then']} with the file"
            )
            stretches = campaign["stretches"]
            assert isinstance(stretches, list)
            for it in stretches:
                yield (
                    f"  {it['from']} to {it['to']}  {it['now']} -> {it['then']}  {it['spent']} {result.currency} "
                    f"spent in it"
                )
        if campaigns:
            yield (
                f"{result.brand_id}: {_money(result.stretches, then=Action.PAUSE)} {result.currency} were spent where "
                f"the file would have it paused, {_money(result.stretches, then=Action.RESUME)} where it would have it "
                "run on"
            )
    events = sum(it.events for it in found.brands)
    if found.is_empty:
        yield f"Nothing would have been decided otherwise: {events:,} events of {len(found.brands)} brands."
    else:
        yield f"{events:,} events decided again; nothing was written."


def _brand_view(result: BrandResult) -> dict[str, Json]:
    return {
        "brand_id": result.brand_id,
        "currency": result.currency,
        "from": format_moment(result.starts_at),
        "to": format_moment(result.ends_at),
        "events": result.events,
        "spent_where_it_would_be_paused": _money(result.stretches, then=Action.PAUSE),
        "spent_where_it_would_be_running": _money(result.stretches, then=Action.RESUME),
        "campaigns": _campaign_views(result),
    }


def _campaign_views(result: BrandResult) -> list[dict[str, Json]]:
    views: list[dict[str, Json]] = []
    for campaign_id in result.campaign_ids():
        stretches = [it for it in result.stretches if it.campaign_id == campaign_id]
        views.append(
            {
                "campaign_id": campaign_id,
                "commands_now": result.commands_now[campaign_id],
                "commands_then": result.commands_then[campaign_id],
                "only_now": _decided_views(result.only_now, campaign_id),
                "only_then": _decided_views(result.only_then, campaign_id),
                "spent_where_it_would_be_paused": _money(stretches, then=Action.PAUSE),
                "spent_where_it_would_be_running": _money(stretches, then=Action.RESUME),
                "stretches": [_stretch_view(it) for it in stretches],
            }
        )
    return views


def _money(stretches: Iterable[DifferingStretch], then: Action) -> str:
    return format_money(sum(it.micros for it in stretches if it.then is then))


def _decided_views(decided: Counter[Decided], campaign_id: str) -> list[Json]:
    return [
        {"decided_at": format_moment(it.decided_at), "action": it.action.value, "reasons": list(it.reasons)}
        for it in sorted(decided.elements())
        if it.campaign_id == campaign_id
    ]


def _stretch_view(it: DifferingStretch) -> dict[str, Json]:
    return {
        "from": format_moment(it.starts_at),
        "to": format_moment(it.ends_at),
        "seconds": (it.ends_at - it.starts_at) // SECOND,
        "now": _STATES[it.now],
        "then": _STATES[it.then],
        "spent": format_money(it.micros),
        "events": it.events,
    }
