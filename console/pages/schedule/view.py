"""The schedule page of saved or unsaved windows: words, rectangles, the next days. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, cast

from console.pages.schedule.clock_days import ClockDay, clock_days
from console.pages.schedule.grid import Block, blocks_of
from console.pages.schedule.rows import CheckedRows
from console.pages.week import in_words
from console.rendering.clock_words import local_time
from core.calendar import span_at
from core.dayparting import Schedule
from core.moment import Moment
from core.windows import END_OF_DAY
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations.catalog_views import Json
from operations.schedule_preview import preview_of, zones_of

__all__ = ["PREVIEW_DAYS", "ScheduleView", "schedule_view"]

PREVIEW_DAYS: Final = 7


class PreviewChange(NamedTuple):
    """A future pause or resume; `at` is RFC 3339, `text` the local time in the zone in force then."""

    opens: bool
    at: str
    text: str
    remark: str


class Now(NamedTuple):
    """The present time on the grid."""

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
    #: Of `operations.schedule_preview.preview_of`.
    preview: dict[str, Json]
    clock_days: list[ClockDay]
    #: The zone of a change that is saved and begins in the future, else None.
    next_zone: str | None

    @property
    def changes(self) -> list[PreviewChange]:
        return [_change(it) for it in cast(list[dict[str, str | None]], self.preview["changes"])]


def schedule_view(checked: CheckedRows, campaign: Campaign, brand: Brand, now: Moment) -> ScheduleView:
    """The view of the rows without errors."""
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


def _change(change: dict[str, str | None]) -> PreviewChange:
    local = datetime.fromisoformat(change["local"] or "")
    return PreviewChange(
        change["action"] == "resume", change["at"] or "", f"{local:%a %-d %b %H:%M}", change["remark"] or ""
    )


def _now(local: datetime) -> Now:
    return Now(local.weekday(), min(local.hour * 60 + local.minute, END_OF_DAY - 1), f"{local:%a %H:%M}")
