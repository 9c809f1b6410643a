"""When a budget will be gone if spend goes on as it does now. Pure; `docs/console.md` has the formula.

pace = (spent now - spent at the base) / (now - base), gone at = now + (budget - spent) / pace. The base of a day is an
hour ago or, in its first hour, the day's start; that of a month is its start, because a month evens its nights out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from core.moment import HOUR, MINUTE, Moment

__all__ = ["Forecast", "ForecastKind", "Sample", "forecast", "forecast_base", "with_sample"]

#: How far back the pace of a day looks.
SPAN: Final = HOUR
#: Samples are taken this far apart: 13 of them cover the span.
SAMPLE_EVERY: Final = 5 * MINUTE
#: A shorter look back says more of the last event than of the pace.
SHORTEST: Final = 5 * MINUTE


class Sample(NamedTuple):
    """What was spent of a period by a moment."""

    at: Moment
    spent_micros: int


class ForecastKind(StrEnum):
    """What a forecast says of a budget."""

    UNLIMITED = "unlimited"
    EXHAUSTED = "exhausted"  # used up already; also a budget of 0
    IDLE = "idle"  # no net spend since the base: no pace to go by
    LASTS = "lasts"  # not before the period ends
    RUNS_OUT = "runs_out"  # gone at `runs_out_at`


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a budget will be gone and what will have been spent at the end of its period, as far as that is known."""

    kind: ForecastKind
    #: Only of `RUNS_OUT`: before the period ends.
    runs_out_at: Moment | None = None
    #: What will have been spent when the period ends, of `LASTS`, `RUNS_OUT` and `IDLE`.
    at_end_micros: int | None = None


def forecast(
    budget_micros: int | None, spent_micros: int, base: Sample | None, *, now: Moment, ends_at: Moment
) -> Forecast:
    """The forecast of a period that ends at `ends_at`; without a base there is no pace yet."""
    if budget_micros is None:
        return Forecast(ForecastKind.UNLIMITED)
    if budget_micros == 0 or spent_micros >= budget_micros:
        return Forecast(ForecastKind.EXHAUSTED)
    if base is None or base.at >= now or spent_micros <= base.spent_micros:
        return Forecast(ForecastKind.IDLE, at_end_micros=spent_micros)
    spent, took = spent_micros - base.spent_micros, now - base.at
    at_end_micros = spent_micros + spent * max(0, ends_at - now) // took
    # Rounded up: at `runs_out_at` it is gone, the millisecond before it is not.
    runs_out_at = now - (spent_micros - budget_micros) * took // spent
    if runs_out_at >= ends_at:
        return Forecast(ForecastKind.LASTS, at_end_micros=at_end_micros)
    return Forecast(ForecastKind.RUNS_OUT, runs_out_at, at_end_micros)


def forecast_base(samples: Sequence[Sample], day_starts_at: Moment, now: Moment) -> Sample | None:
    """The moment from which the pace of a day counts: the newest sample that is an hour old or, failing that, the
    oldest of the day. The day's own start, where nothing was spent, counts as one when it is within the hour or
    nothing better is known."""
    of_the_day = [it for it in samples if day_starts_at <= it.at <= now - SHORTEST]
    an_hour_old = [it for it in of_the_day if it.at <= now - SPAN]
    if an_hour_old:
        return an_hour_old[-1]
    start = Sample(day_starts_at, 0)
    if now - day_starts_at <= SPAN or not of_the_day:
        return start if now - day_starts_at >= SHORTEST else None
    return of_the_day[0]


def with_sample(samples: Sequence[Sample], new: Sample) -> tuple[Sample, ...]:
    """The samples with a new one, if it is time for it, and without those that no pace needs any more."""
    if samples and new.at - samples[-1].at < SAMPLE_EVERY:
        return tuple(samples)
    old_enough = [it for it in samples if it.at <= new.at - SPAN]
    return (*old_enough[-1:], *(it for it in samples if it.at > new.at - SPAN), new)
