"""What the schedule page shows of windows that may not be saved yet: words, rectangles, the days ahead. No I/O."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, cast

from console.schedule_preview import preview_of, zones_of
from console.views import Json
from console.web.clock_words import local_time
from console.web.schedule.clock_days import ClockDay, clock_days
from console.web.schedule.grid import Block, blocks_of
from console.web.schedule.rows import CheckedRows
from console.web.schedule.week import in_words
from models.brand import Brand
from models.campaign import Campaign
from streams.core.calendar import span_at
from streams.core.dayparting import END_OF_DAY, Schedule
from streams.core.moment import Moment

__all__ = ["PREVIEW_DAYS", "ScheduleView", "schedule_view"]

PREVIEW_DAYS: Final = 7


class Change(NamedTuple):
    """A pause or resume to come; `at` is RFC 3339, `text` by the clock of the zone that is then in force."""

    opens: bool
    at: str
    text: str
    remark: str


class Now(NamedTuple):
    """A place on the grid."""

    line: int
    minute: int
    text: str


@dataclass(frozen=True, slots=True)
class ScheduleView:
    checked: CheckedRows
    words: str
    blocks: list[Block]
    now: Now
    time_zone: str
    #: As `console.schedule_preview.preview_of` tells them.
    preview: dict[str, Json]
    clock_days: list[ClockDay]
    #: Of another zone that was chosen already and begins within the days ahead.
    next_zone: str | None

    @property
    def changes(self) -> list[Change]:
        return [_change(it) for it in cast(list[dict[str, str | None]], self.preview["changes"])]


def schedule_view(checked: CheckedRows, campaign: Campaign, brand: Brand, now: Moment) -> ScheduleView:
    """Of the rows that are right; what the others come to is not known yet."""
    windows = tuple(checked.windows.values())
    schedule = Schedule(windows, campaign.starts_on, campaign.ends_on)
    zones = zones_of(brand)
    time_zone = span_at(zones, now)[0].time_zone
    return ScheduleView(
        checked=checked,
        words=in_words(windows),
        blocks=blocks_of(checked.windows),
        now=_now(local_time(time_zone, now)),
        time_zone=time_zone,
        preview=preview_of(schedule, zones, now, PREVIEW_DAYS),
        clock_days=clock_days(schedule, zones, now),
        next_zone=zones[-1].time_zone if zones[-1].time_zone != time_zone else None,
    )


def _change(told: dict[str, str | None]) -> Change:
    local = datetime.fromisoformat(told["local"] or "")
    return Change(told["action"] == "resume", told["at"] or "", f"{local:%a %-d %b %H:%M}", told["remark"] or "")


def _now(local: datetime) -> Now:
    return Now(local.weekday(), min(local.hour * 60 + local.minute, END_OF_DAY - 1), f"{local:%a %H:%M}")
