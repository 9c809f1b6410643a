"""Whether the controller would take a snapshot that arrived now, and what else speaks against one of a file. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from core.acceptance import unknown_brand
from core.calendar import Zones, date_starts_at, day_starts_at, next_day
from core.moment import Moment, format_moment
from core.refusal import Refusal, RefusalReason
from core.snapshot import Snapshot, snapshot_refusal

__all__ = ["BrandTerms", "Numbered", "intake_refusal", "other_day_refusal", "repeat_refusals"]


class BrandTerms(NamedTuple):
    """What the catalog says of a brand, as far as it decides on snapshots."""

    currency: str
    zones: Zones


def intake_refusal(snapshot: Snapshot, terms: BrandTerms | None, arrival: Moment, tolerance_ms: int) -> Refusal | None:
    """Why the controller would refuse a snapshot that is about to be sent; `terms` is None for a brand that does not
    exist."""
    if terms is None:
        return unknown_brand(snapshot.brand_id)
    return snapshot_refusal(snapshot, terms.currency, terms.zones, arrival, arrival, tolerance_ms)


def other_day_refusal(snapshot: Snapshot, zones: Zones, time_zone: str) -> Refusal | None:
    """Why a platform that counts its days by `time_zone` cannot give totals of the brand's days."""
    day, following = snapshot.day, next_day(snapshot.day)
    theirs = day_starts_at(time_zone, day), day_starts_at(time_zone, following)
    ours = date_starts_at(zones, day), date_starts_at(zones, following)
    if theirs == ours:
        return None
    return Refusal(
        RefusalReason.INVALID_FIELD,
        f"day: {day} in {time_zone} is not the brand's {day}: it lasts from {format_moment(theirs[0])} to "
        f"{format_moment(theirs[1])}, the brand's from {format_moment(ours[0])} to {format_moment(ours[1])}",
    )


class Numbered(NamedTuple):
    """A snapshot of a line; whether the line has an `as_of` of its own."""

    number: int
    snapshot: Snapshot
    has_own_as_of: bool


def repeat_refusals(snapshots: Iterable[Numbered]) -> dict[int, Refusal]:
    """By line: of several totals of one campaign, source, day and `as_of` only one could count, so none is taken.
    The same cost twice, each with its own `as_of`, is one total that is repeated, and harmless."""
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
