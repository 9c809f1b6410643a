"""Checks snapshots before they are published: as the controller would, and rows of a file against each other. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from core.acceptance import Tolerance, unknown_brand
from core.calendar import Zones, date_starts_at, day_starts_at, next_day
from core.moment import Moment, format_moment
from core.refusal import Refusal, RefusalReason
from core.snapshot import Snapshot, snapshot_refusal

__all__ = ["BrandFacts", "Numbered", "intake_refusal", "other_day_refusal", "repeat_refusals"]


class BrandFacts(NamedTuple):
    """The catalog's fields of a brand that snapshots are checked against."""

    currency: str
    zones: Zones


def intake_refusal(
    snapshot: Snapshot, brand: BrandFacts | None, arrival: Moment, tolerance: Tolerance
) -> Refusal | None:
    """The controller's refusal of a snapshot with this arrival, or None; `brand` is None for a brand that does not
    exist."""
    if brand is None:
        return unknown_brand(snapshot.brand_id)
    return snapshot_refusal(snapshot, brand.currency, brand.zones, arrival, arrival, tolerance)


def other_day_refusal(snapshot: Snapshot, zones: Zones, time_zone: str) -> Refusal | None:
    """The refusal of a total of a day that begins or ends at another moment in `time_zone` than in the brand's
    zones."""
    day, following = snapshot.day, next_day(snapshot.day)
    of_platform = day_starts_at(time_zone, day), day_starts_at(time_zone, following)
    of_brand = date_starts_at(zones, day), date_starts_at(zones, following)
    if of_platform == of_brand:
        return None
    return Refusal(
        RefusalReason.INVALID_FIELD,
        f"day: {day} in {time_zone} is not the brand's {day}: it lasts from {format_moment(of_platform[0])} to "
        f"{format_moment(of_platform[1])}, the brand's from {format_moment(of_brand[0])} to "
        f"{format_moment(of_brand[1])}",
    )


class Numbered(NamedTuple):
    """A snapshot with its line number; `has_own_as_of` says whether the line has an `as_of`."""

    number: int
    snapshot: Snapshot
    has_own_as_of: bool


def repeat_refusals(snapshots: Iterable[Numbered]) -> dict[int, Refusal]:
    """Refusals by line number of totals with the same campaign, source, day and `as_of`, of which only one could count.
    The same cost repeated, each with an `as_of` of its own, is not refused."""
    groups: dict[tuple[object, ...], list[Numbered]] = {}
    for one in snapshots:
        it = one.snapshot
        groups.setdefault((it.source, it.brand_id, it.campaign_id, it.day, it.as_of), []).append(one)
    refusals: dict[int, Refusal] = {}
    for group in groups.values():
        costs = {one.snapshot.cost_micros for one in group}
        if len(group) > 1 and (len(costs) > 1 or not all(one.has_own_as_of for one in group)):
            refusals |= {one.number: _repeated(one, group) for one in group}
    return refusals


def _repeated(one: Numbered, group: Sequence[Numbered]) -> Refusal:
    other = group[0] if group[0] is not one else group[1]
    return Refusal(
        RefusalReason.INVALID_FIELD,
        f"line {other.number} has the same campaign and day as of the same moment: make the report by campaign and day "
        "alone, so that each has one total",
    )
