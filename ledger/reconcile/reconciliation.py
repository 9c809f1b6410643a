"""Reconciles the controller's totals with the ledger's rows: the differences, and the corrections that repair them.

docs/ledger.md explains why each reported difference is a real one.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from core.errors import NotFound
from core.moment import Moment
from core.money import format_money, in_parts
from core.partitioner import partition_of
from core.records import SpendCorrection
from core.state_records import PartRecord
from ledger.ingest.holes import Hole, holes
from ledger.reconcile.comparison import BrandTotals, TotalDifference, bookings_for, compare, not_repairable
from ledger.reconcile.snapshot import PATIENCE_SECONDS, TotalsSnapshot, take_snapshot
from streams.clock import current_moment
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["Reconciliation", "reconcile"]

_NOTHING: Final = BrandTotals()
_REASON: Final = "reconcile: the controller's totals become the ledger's"
_TOPICS: Final = (Topic.SPEND_EVENTS, Topic.SPEND_CORRECTIONS)

#: Partition -> topic -> the offset up to which both sides were compared.
ComparedPositions: TypeAlias = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The result of a reconcile. Without differences every total of the controller equals the ledger's sum."""

    brand_id: str | None
    started_at: Moment
    finished_at: Moment
    brands: int
    campaigns: int
    positions: ComparedPositions
    differences: list[TotalDifference] = field(default_factory=list)
    #: (partition, correction) that make both sides equal. The ids contain the positions that were compared.
    corrections: list[tuple[int, SpendCorrection]] = field(default_factory=list)
    #: Brand -> a clause on why there is no correction for it.
    beyond_repair: dict[str, str] = field(default_factory=dict)
    #: Records that Kafka removed before the ledger read them, which its sums lack.
    holes: list[Hole] = field(default_factory=list)
    #: Brands that differ in a partition where the ledger has a hole: missing rows must not become a correction.
    withheld: list[str] = field(default_factory=list)


async def reconcile(
    settings: Settings,
    brand_id: str | None = None,
    *,
    corrections_to: Mapping[int, int] | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
    accept_holes: bool = False,
) -> Reconciliation:
    """Compare one brand or all; changes nothing.

    Differences are compared a second time, because compaction may remove a record between the request for the end of
    `controller-state` and its reading. With `accept_holes` there are corrections also where the ledger lacks rows.
    Raises NotFound for a brand that neither side has, NotCaughtUp where worker or ledger make no progress for
    `patience_seconds`, Unreachable and ModelError.
    """
    started_at = current_moment()
    snapshot = await take_snapshot(settings, brand_id, corrections_to=corrections_to, patience_seconds=patience_seconds)
    if brand_id is not None and not snapshot.controller and not snapshot.ledger:
        raise NotFound(f"Neither the controller nor the ledger knows a brand {brand_id}.")
    differences = _differences(snapshot)
    if differences:
        before = {difference.what for difference in differences}
        snapshot = await take_snapshot(
            settings, brand_id, corrections_to=corrections_to, patience_seconds=patience_seconds
        )
        differences = [difference for difference in _differences(snapshot) if difference.what in before]
    # Read after the snapshot: by then the ledger has recorded every hole below the controller's positions.
    found = [it for it in await asyncio.to_thread(holes, settings) if it.partition in snapshot.parts]
    return _result(brand_id, started_at, snapshot, differences, found, accept_holes)


def _result(
    brand_id: str | None,
    started_at: Moment,
    snapshot: TotalsSnapshot,
    differences: list[TotalDifference],
    found: list[Hole],
    accept_holes: bool,
) -> Reconciliation:
    sides = {
        it: (snapshot.controller.get(it, _NOTHING), snapshot.ledger.get(it, _NOTHING))
        for it in {*snapshot.controller, *snapshot.ledger}
    }
    differing = sorted({difference.brand_id for difference in differences})
    beyond_repair = {it: why for it in differing if (why := not_repairable(*sides[it]))}
    lacking = {} if accept_holes else {it.partition: it.where for it in found if it.is_of_sums}
    withheld: list[str] = []
    corrections: list[tuple[int, SpendCorrection]] = []
    for brand in differing:
        number = partition_of(brand, len(snapshot.parts)) if brand_id is None else next(iter(snapshot.parts))
        if number in lacking:
            withheld.append(brand)
            beyond_repair[brand] = f"the ledger lacks {lacking[number]}, which were gone before it read them"
            continue
        corrections += [(number, it) for it in _corrections(brand, *sides[brand], snapshot.parts[number], number)]
    return Reconciliation(
        brand_id=brand_id,
        started_at=started_at,
        finished_at=current_moment(),
        brands=len(sides),
        campaigns=sum(len({*controller.campaigns, *ledger.campaigns}) for controller, ledger in sides.values()),
        positions={
            str(number): {topic.value: part.positions[topic] for topic in _TOPICS} if part else {}
            for number, part in snapshot.parts.items()
        },
        differences=differences,
        corrections=corrections,
        beyond_repair=beyond_repair,
        holes=found,
        withheld=withheld,
    )


def _differences(snapshot: TotalsSnapshot) -> list[TotalDifference]:
    return [
        difference
        for brand_id in sorted({*snapshot.controller, *snapshot.ledger})
        for difference in compare(
            brand_id, snapshot.controller.get(brand_id, _NOTHING), snapshot.ledger.get(brand_id, _NOTHING)
        )
    ]


def _corrections(
    brand_id: str, controller: BrandTotals, ledger: BrandTotals, part: PartRecord | None, number: int
) -> list[SpendCorrection]:
    """The corrections of a brand. Their ids contain the applied offset of `spend-corrections`: another reconcile that
    finds the same difference before a correction was added makes the same ids, which the controller applies once."""
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
        for booking in bookings_for(controller, ledger)
        for part_number, micros in enumerate(in_parts(booking.amount_micros))
    ]
