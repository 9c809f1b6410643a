"""Decides on ticks and resets: brands for which a day, month, window or flight begins or ends are evaluated anew, and
a tick raises alerts about brands of which no spend arrives.

The rules are those of docs/contract.md, "dayparting-ticks and budget-resets". What a decision does with the state is
said in core.decide.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from typing import Concatenate, NamedTuple, ParamSpec

from core.alerts import raise_silence
from core.calendar import main_name, span_at
from core.evaluation import advance, evaluate_brand
from core.guard import Undecidable, attempt
from core.moment import Moment
from core.records import CauseKind
from core.refresh import refresh_silence, silent_at
from core.state import BrandState, Cause, Origin, PartitionState

__all__ = ["Reset", "Steps", "Tick", "decide_tick", "reset_steps", "tick_steps"]

#: A decision on many brands, one at each step: the failure of a guarded brand, or None.
Steps = Generator[Undecidable | None, None, None]

_Arguments = ParamSpec("_Arguments")


class Tick(NamedTuple):
    """A message of `dayparting-ticks`."""

    due_at: Moment


class Reset(NamedTuple):
    """A message of `budget-resets`; `time_zone` is any name of the zone."""

    time_zone: str
    due_at: Moment


def decide_tick(state: PartitionState, tick: Tick, origin: Origin) -> list[Undecidable]:
    """Take all `tick_steps` at once; returns the failures."""
    return [failure for failure in tick_steps(state, tick, origin) if failure is not None]


def tick_steps(state: PartitionState, tick: Tick, origin: Origin) -> Steps:
    """Move the partition's clock to the tick's moment, and evaluate the brands that have a boundary by then or that
    may be silent; each step is one brand.

    The moment is the lower of `due_at` and the arrival. A step is a failure where a guarded brand could not be decided;
    it stays due. Raises StateInDoubt when another one could not be decided (core.guard). Between steps other records
    may be applied, and who closes the iterator before its end leaves the other brands due.
    """
    state.clock = max(state.clock, min(tick.due_at, origin.arrival))
    cause = Cause(CauseKind.DAYPARTING_TICK, origin.topic, state.partition, origin.offset)
    yield from _steps(state, state.due(state.clock), state.wake_again, _apply_time, state.clock, cause)
    silent = state.due_silence_checks(state.clock)
    yield from _steps(state, silent, state.ask_again, _ask_silence, state.clock, cause)


def reset_steps(state: PartitionState, reset: Reset, origin: Origin) -> Steps:
    """Roll the brands of one time zone over to the period that holds the reset's moment; it sets no total to zero.

    The moment is the lower of `due_at` and the arrival. Each step is a brand that is due, of whatever zone; what is
    said of the steps of a tick is true of these.
    """
    moment = min(reset.due_at, origin.arrival)
    cause = Cause(CauseKind.BUDGET_RESET, origin.topic, state.partition, origin.offset)
    due = [brand for brand in state.brands.values() if brand.next_boundary_at <= moment]
    due.sort(key=lambda it: it.brand_id)
    return _steps(state, (brand for brand in due), _leave_due, _apply_reset, moment, cause, main_name(reset.time_zone))


def _steps(
    state: PartitionState,
    brands: Generator[BrandState, None, None],
    put_back: Callable[[BrandState], None],
    decide: Callable[Concatenate[PartitionState, BrandState, _Arguments], None],
    *args: _Arguments.args,
    **kwargs: _Arguments.kwargs,
) -> Steps:
    """Decide on each brand, also when others fail; `put_back` those that failed, at the end."""
    failed: list[BrandState] = []
    try:
        with closing(brands):
            for brand in brands:
                if brand in failed:
                    continue
                try:
                    attempt(state, brand.brand_id, decide, state, brand, *args, **kwargs)
                except Undecidable as failure:
                    failed.append(brand)
                    yield failure
                else:
                    yield None
    finally:
        for brand in failed:
            put_back(brand)


def _leave_due(brand: BrandState) -> None:
    """A reset takes no brand from those that are due."""


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
