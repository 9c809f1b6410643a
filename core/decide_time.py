"""Decides on ticks and resets: brands for which a day, month, window or flight begins or ends are evaluated anew, and
a tick raises alerts about brands of which no spend arrives.

The rules are those of docs/contract.md, "dayparting-ticks and budget-resets". What a decision does with the state is
said in core.decide.
"""

from collections.abc import Callable, Iterable
from typing import Concatenate, NamedTuple, ParamSpec

from core.alerts import raise_silence
from core.calendar import main_name, span_at
from core.evaluation import advance, evaluate_brand
from core.guard import Undecidable, attempt
from core.moment import Moment
from core.records import CauseKind
from core.refresh import refresh_silence, silent_at
from core.state import BrandState, Cause, Origin, PartitionState

__all__ = ["Reset", "Tick", "decide_reset", "decide_tick"]

_Arguments = ParamSpec("_Arguments")


class Tick(NamedTuple):
    """A message of `dayparting-ticks`."""

    due_at: Moment


class Reset(NamedTuple):
    """A message of `budget-resets`; `time_zone` is any name of the zone."""

    time_zone: str
    due_at: Moment


def decide_tick(state: PartitionState, tick: Tick, origin: Origin) -> list[Undecidable]:
    """Move the partition's clock to the tick's moment, and evaluate the brands that have a boundary by then or that
    may be silent.

    The moment is the lower of `due_at` and the arrival. Returns a failure for each guarded brand that could not be
    decided; it stays due. Raises StateInDoubt when another one could not be decided (core.guard).
    """
    state.clock = max(state.clock, min(tick.due_at, origin.arrival))
    cause = Cause(CauseKind.DAYPARTING_TICK, origin.topic, state.partition, origin.offset)
    failed = _for_each(state, state.due(state.clock), _apply_time, state.clock, cause)
    for failure in failed:
        state.wake_again(state.brands[failure.brand_id])
    unasked = _for_each(state, state.due_silence_checks(state.clock), _ask_silence, state.clock, cause)
    for failure in unasked:
        state.ask_again(state.brands[failure.brand_id])
    return failed + unasked


def decide_reset(state: PartitionState, reset: Reset, origin: Origin) -> list[Undecidable]:
    """Roll the brands of one time zone over to the period that holds the reset's moment; it sets no total to zero.

    The moment is the lower of `due_at` and the arrival. Returns a failure for each guarded brand that could not be
    decided. Raises StateInDoubt when another one could not be decided (core.guard).
    """
    moment = min(reset.due_at, origin.arrival)
    cause = Cause(CauseKind.BUDGET_RESET, origin.topic, state.partition, origin.offset)
    due = [brand for brand in state.brands.values() if brand.next_boundary_at <= moment]
    due.sort(key=lambda it: it.brand_id)
    return _for_each(state, due, _apply_reset, moment, cause, main_name(reset.time_zone))


def _for_each(
    state: PartitionState,
    brands: Iterable[BrandState],
    decide: Callable[Concatenate[PartitionState, BrandState, _Arguments], None],
    *args: _Arguments.args,
    **kwargs: _Arguments.kwargs,
) -> list[Undecidable]:
    """Decide on each brand, also when others fail."""
    failed = []
    for brand in brands:
        try:
            attempt(state, brand.brand_id, decide, state, brand, *args, **kwargs)
        except Undecidable as failure:
            failed.append(failure)
    return failed


def _apply_time(state: PartitionState, brand: BrandState, moment: Moment, cause: Cause) -> None:
    if advance(state, brand, moment):
        evaluate_brand(state, brand, cause)


def _ask_silence(state: PartitionState, brand: BrandState, moment: Moment, cause: Cause) -> None:
    if silent_at(brand) <= moment:
        _apply_time(state, brand, moment, cause)  # its clock, and what a failure of another question has left due
        raise_silence(state, brand, cause)
    refresh_silence(state, brand)


def _apply_reset(state: PartitionState, brand: BrandState, moment: Moment, cause: Cause, time_zone: str) -> None:
    if brand.config and main_name(span_at(brand.config.zones, moment)[0].time_zone) == time_zone:
        _apply_time(state, brand, moment, cause)
