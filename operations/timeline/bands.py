"""Folds the commands of a campaign into bands of on and off. Pure.

A pause carries the reasons for which it began, and a change among them sends no command. What time and edits alone made
of them is derived from the catalog's history: windows, flight, the operator's pause and the archive as they were; an
exhausted budget holds until its day or month is over.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from core.calendar import Zones, budget_day, budget_month
from core.dayparting import next_boundary, openness
from core.moment import NEVER, Moment
from core.reasons import NO_REASONS, Reason, reason_names, reasons_from_names
from core.records import Action, ControlCommand
from operations.timeline.past_config import PastConfigs

__all__ = ["Band", "BandState", "CommandInForce", "bands_of"]

_OF_DAY: Final = Reason.DAILY_BUDGET | Reason.CAMPAIGN_DAILY_BUDGET | Reason.PACING
_UNTIL_COMMAND: Final = Reason.CAMPAIGN_TOTAL_BUDGET | Reason.INVALID


class BandState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    UNKNOWN = "unknown"


class CommandInForce(NamedTuple):
    """A command of the journal; `follows_a_gap` where the journal lacks the one before it."""

    command: ControlCommand
    decided_at: Moment
    follows_a_gap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """`[starts_at, ends_at)`, in one state for the same reasons."""

    starts_at: Moment
    ends_at: Moment
    state: BandState
    reasons: tuple[str, ...] = ()
    #: The command that is in force; None before the first.
    in_force: CommandInForce | None = None
    #: Whether the band begins with that command, and not by time or an edit in the middle of a pause.
    begins_with_command: bool = False

    @property
    def length_ms(self) -> int:
        return self.ends_at - self.starts_at


def bands_of(
    before: CommandInForce | None,
    after: Iterable[CommandInForce],
    starts_at: Moment,
    ends_at: Moment,
    zones: Zones,
    configs: PastConfigs,
) -> list[Band]:
    """The bands of `[starts_at, ends_at)`, which touch. `before` is the last command until then; `after` are the
    later ones, in order of epoch and sequence."""
    commands = [it for it in after if it.decided_at < ends_at]
    starts = [*accumulate((it.decided_at for it in commands), max, initial=starts_at), ends_at]
    found: list[Band] = []
    for command, (from_, until) in zip([before, *commands], pairwise(starts), strict=True):
        if from_ < until:
            found += _bands_of_command(command, from_, until, zones, configs)
    return found


def _bands_of_command(
    in_force: CommandInForce | None, starts_at: Moment, ends_at: Moment, zones: Zones, configs: PastConfigs
) -> Iterator[Band]:
    band = Band(starts_at=starts_at, ends_at=ends_at, state=BandState.UNKNOWN, in_force=in_force)
    if in_force is None:
        yield band
        return
    band = replace(band, begins_with_command=starts_at == in_force.decided_at)
    if in_force.command.action is Action.RESUME:
        yield replace(band, state=BandState.RUNNING)
        return
    band = replace(band, state=BandState.PAUSED, reasons=tuple(in_force.command.reasons))
    for reasons, from_, until in _reasons_within(in_force, starts_at, ends_at, zones, configs):
        yield replace(
            band,
            starts_at=from_,
            ends_at=until,
            reasons=reasons,
            begins_with_command=band.begins_with_command and from_ == starts_at,
        )


def _reasons_within(
    in_force: CommandInForce, starts_at: Moment, ends_at: Moment, zones: Zones, configs: PastConfigs
) -> Iterator[tuple[tuple[str, ...], Moment, Moment]]:
    """The stretches of a pause and their reasons. One for which neither time nor edits give a reason, such as the
    moments until an edit is in force, belongs to the one before."""
    known = Reason(0)
    for name in in_force.command.reasons:
        known |= reasons_from_names([name]) if name.upper() in Reason.__members__ else NO_REASONS
    current = tuple(in_force.command.reasons)
    begun = starts_at
    if starts_at == in_force.decided_at:  # the command itself says what held it then
        points = _points(in_force, starts_at, ends_at, zones, configs)
    else:
        points = [starts_at, *_points(in_force, starts_at, ends_at, zones, configs)]
    for at in points:
        reasons = reason_names(_lasting(known, in_force.decided_at, at, zones) | _by_catalog(at, zones, configs))
        if reasons and reasons != current:
            if begun < at:
                yield current, begun, at
            current, begun = reasons, at
    yield current, begun, ends_at


def _points(
    in_force: CommandInForce, starts_at: Moment, ends_at: Moment, zones: Zones, configs: PastConfigs
) -> Sequence[Moment]:
    """The moments after `starts_at` at which reasons may change."""
    edits = configs.changes_between(starts_at, ends_at)
    found = {*edits, budget_day(zones, in_force.decided_at).ends_at, budget_month(zones, in_force.decided_at).ends_at}
    for from_, until in pairwise([starts_at, *edits, ends_at]):
        schedule = configs.at(from_).schedule
        at = next_boundary(schedule, zones, from_)
        while at is not None and at < until:
            found.add(at)
            at = next_boundary(schedule, zones, at)
    return sorted(at for at in found if starts_at < at < ends_at and at != NEVER)


def _lasting(named: Reason, decided_at: Moment, at: Moment, zones: Zones) -> Reason:
    reasons = named & _UNTIL_COMMAND
    if at < budget_day(zones, decided_at).ends_at:
        reasons |= named & _OF_DAY
    if at < budget_month(zones, decided_at).ends_at:
        reasons |= named & Reason.MONTHLY_BUDGET
    return reasons


def _by_catalog(at: Moment, zones: Zones, configs: PastConfigs) -> Reason:
    config = configs.at(at)
    in_flight, in_window = openness(config.schedule, zones, at)
    reasons = NO_REASONS
    for holds, reason in (
        (config.archived, Reason.ARCHIVED),
        (not config.enabled, Reason.MANUAL),
        (not in_flight, Reason.FLIGHT),
        (not in_window, Reason.SCHEDULE),
    ):
        reasons |= reason if holds else NO_REASONS
    return reasons
