"""The lines of a report: campaign by day, with budget, spend, variance and the time off by reason. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from core.calendar import Day
from core.moment import ALWAYS, SECOND, Moment
from operations.timeline.bands import Band, BandState
from operations.timeline.past_config import PastConfigs

__all__ = ["DayLine", "OnOff", "campaign_lines", "on_off_of"]


@dataclass(frozen=True, slots=True)
class OnOff:
    """Seconds; time off for several reasons counts for each of them, and once in `off`."""

    on: int = 0
    off: int = 0
    unknown: int = 0
    off_by_reason: Mapping[str, int] = field(default_factory=dict)


_NOTHING: Final = OnOff()


@dataclass(frozen=True, slots=True)
class DayLine:
    """One campaign, or the brand, on one day; micros. `budget_micros` None: unlimited, or not known."""

    day: date
    spent_micros: int
    budget_micros: int | None
    on_off: OnOff = _NOTHING

    @property
    def variance_micros(self) -> int | None:
        """Above zero: more was spent than budgeted."""
        return None if self.budget_micros is None else self.spent_micros - self.budget_micros


def campaign_lines(
    days: Sequence[Day],
    bands: Sequence[Band],
    configs: PastConfigs | None,
    spent: Mapping[date, int],
    until: Moment,
    *,
    added_at: Moment = ALWAYS,
) -> Iterator[DayLine]:
    """A line for each day that has begun by `until` or to which something is booked; of the days that ended before the
    campaign was added those alone to which something is booked or of which a command is known. The budget is that in
    force when the day ended. `configs` None: the catalog does not know the campaign."""
    for day in days:
        on_off = on_off_of(bands, day.starts_at, day.ends_at)
        is_known = day.ends_at > added_at or on_off.on > 0 or on_off.off > 0
        has_begun = day.starts_at < until and day.starts_at < day.ends_at
        if not (has_begun and is_known) and day.date not in spent:
            continue
        last = min(day.ends_at, until) - 1
        budget = None if configs is None else configs.at(last).of_campaign.daily_on(day.date)
        yield DayLine(day.date, spent.get(day.date, 0), budget, on_off)


def on_off_of(bands: Iterable[Band], starts_at: Moment, ends_at: Moment) -> OnOff:
    """The seconds on and off in `[starts_at, ends_at)`."""
    lengths: dict[BandState, int] = defaultdict(int)
    by_reason: dict[str, int] = defaultdict(int)
    for band in bands:
        length = min(band.ends_at, ends_at) - max(band.starts_at, starts_at)
        if length > 0:
            lengths[band.state] += length
            for reason in band.reasons:
                by_reason[reason] += length
    return OnOff(
        lengths[BandState.RUNNING] // SECOND,
        lengths[BandState.PAUSED] // SECOND,
        lengths[BandState.UNKNOWN] // SECOND,
        {reason: by_reason[reason] // SECOND for reason in sorted(by_reason)},
    )
