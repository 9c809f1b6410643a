"""The proof that the controller's totals are the ledger's rows, or what differs and what would mend it.

docs/ledger.md says why a difference that is told is one.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from streams.core.moment import Moment
from streams.core.money import format_money, in_parts
from streams.core.partitioner import partition_of
from streams.core.records import SpendCorrection
from streams.core.storage import PartRecord
from streams.errors import NotFound
from streams.ledger.comparison import BrandTotals, Difference, bookings_for, compare, without_way_back
from streams.ledger.look import PATIENCE_SECONDS, Look, look
from streams.settings import Settings
from streams.topics import Topic

__all__ = ["Reconciliation", "reconcile"]

_NOTHING: Final = BrandTotals()
_REASON: Final = "reconcile: the controller's totals become the ledger's"
_TOPICS: Final = (Topic.SPEND_EVENTS, Topic.SPEND_CORRECTIONS)

#: Partition -> topic -> the offset up to which both sides were compared.
Positions: TypeAlias = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was compared and what differed. No differences: the totals are the rows."""

    brand_id: str | None
    started_at: Moment
    finished_at: Moment
    brands: int
    campaigns: int
    positions: Positions
    differences: list[Difference] = field(default_factory=list)
    #: What would make both sides equal, by partition; their ids are those of this state of things.
    corrections: list[tuple[int, SpendCorrection]] = field(default_factory=list)
    #: Brand -> why there is no correction for it.
    beyond_repair: dict[str, str] = field(default_factory=dict)


async def reconcile(
    settings: Settings,
    brand_id: str | None = None,
    *,
    corrections_to: Mapping[int, int] | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Reconciliation:
    """Compare one brand or all. What differs is looked at twice, so that nothing passing is ever told: compaction may
    take a record away between the end that was asked for and the reading. Changes nothing."""
    started_at = _now()
    seen = await look(settings, brand_id, corrections_to=corrections_to, patience_seconds=patience_seconds)
    if brand_id is not None and not seen.held and not seen.booked:
        raise NotFound(f"Neither the controller nor the ledger knows a brand {brand_id}.")
    differences = _differences(seen)
    if differences:
        before = {difference.what for difference in differences}
        seen = await look(settings, brand_id, corrections_to=corrections_to, patience_seconds=patience_seconds)
        differences = [difference for difference in _differences(seen) if difference.what in before]
    return _result(brand_id, started_at, seen, differences)


def _result(brand_id: str | None, started_at: Moment, seen: Look, differences: list[Difference]) -> Reconciliation:
    sides = {it: (seen.held.get(it, _NOTHING), seen.booked.get(it, _NOTHING)) for it in {*seen.held, *seen.booked}}
    differing = sorted({difference.brand_id for difference in differences})
    beyond_repair = {it: why for it in differing if (why := without_way_back(*sides[it]))}
    corrections: list[tuple[int, SpendCorrection]] = []
    for brand in differing:
        number = partition_of(brand, len(seen.parts)) if brand_id is None else next(iter(seen.parts))
        corrections += [(number, it) for it in _corrections(brand, *sides[brand], seen.parts[number], number)]
    return Reconciliation(
        brand_id,
        started_at,
        _now(),
        len(sides),
        sum(len({*held.campaigns, *booked.campaigns}) for held, booked in sides.values()),
        {
            str(number): {topic.value: part.positions[topic] for topic in _TOPICS} if part else {}
            for number, part in seen.parts.items()
        },
        differences,
        corrections,
        beyond_repair,
    )


def _differences(seen: Look) -> list[Difference]:
    return [
        difference
        for brand_id in sorted({*seen.held, *seen.booked})
        for difference in compare(brand_id, seen.held.get(brand_id, _NOTHING), seen.booked.get(brand_id, _NOTHING))
    ]


def _corrections(
    brand_id: str, held: BrandTotals, booked: BrandTotals, part: PartRecord | None, number: int
) -> list[SpendCorrection]:
    """Their ids name the place in the topic of corrections that was reached: who finds the same difference before
    anything was added there publishes the same ids, and the controller applies them once."""
    if part is None:
        return []
    reached = f"{part.topic_ids[Topic.SPEND_CORRECTIONS][:8]}.{number}.{part.positions[Topic.SPEND_CORRECTIONS]}"
    return [
        SpendCorrection(
            correction_id=f"reconcile:{reached}:{booking.campaign_id}:{booking.booked_on}:{part_number}",
            brand_id=brand_id,
            campaign_id=booking.campaign_id,
            amount=format_money(micros),
            booked_on=booking.booked_on.isoformat(),
            reason=_REASON,
        )
        for booking in bookings_for(held, booked)
        for part_number, micros in enumerate(in_parts(booking.amount_micros))
    ]


def _now() -> Moment:
    return time.time_ns() // 1_000_000
