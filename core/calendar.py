"""Budget days and months: which stretch of time bears which date in a brand's time zones.

The rules of every zone come from the `tzdata` package and never from the machine, so that controller and ledger book
the same moment to the same day wherever they run, and a replay books it there again.

The calendar is total: it has the dates of years 1 to 9999, its first day began always, its last never ends, and a
boundary that would lie beyond the last moment that can be written is none. So every int64 moment has a day.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from core.moment import ALWAYS, END_OF_TIME, HOUR, NEVER, SECOND, Moment

__all__ = [
    "Day",
    "Month",
    "ZoneSpan",
    "Zones",
    "budget_day",
    "budget_month",
    "check_time_zone",
    "date_of",
    "date_starts_at",
    "day_of",
    "day_starts_at",
    "local_date",
    "main_name",
    "month_of",
    "next_day",
    "next_month",
    "span_at",
    "time_zone_names",
    "wall_moment",
    "zone",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ONE_DAY = timedelta(days=1)
_LONGEST_MONTH = timedelta(days=31)
_FIRST_WALL = datetime.combine(date.min, time.min)
_LAST_WALL = datetime.combine(date.max, time.max)


class ZoneSpan(NamedTuple):
    """A time zone and the moment from which it is in force; `None` for a brand's first."""

    time_zone: str
    starts_at: Moment | None


#: A brand's time zones in order: the first `starts_at` is None, the others rise.
Zones: TypeAlias = tuple[ZoneSpan, ...]


class Day(NamedTuple):
    """A budget day, `[starts_at, ends_at)`."""

    date: date
    starts_at: Moment
    ends_at: Moment


class Month(NamedTuple):
    """A budget month, `[starts_at, ends_at)`, named by its first date."""

    first: date
    starts_at: Moment
    ends_at: Moment


def budget_day(zones: Zones, moment: Moment) -> Day:
    """The day that holds the moment. One lookup an hour is cached, because it is needed for every late event."""
    day = _day_at(zones, moment - moment % HOUR)
    while moment >= day.ends_at:
        day = _day_at(zones, day.ends_at)
    return day


def budget_month(zones: Zones, moment: Moment) -> Month:
    """The month of the moment's date."""
    return month_of(zones, date_of(zones, moment))


def date_of(zones: Zones, moment: Moment) -> date:
    """The date that spend of this moment is booked to."""
    return budget_day(zones, moment).date


def next_day(day: date) -> date | None:
    """The date after this one; None after the calendar's last."""
    return None if day == date.max else day + _ONE_DAY


def next_month(first: date) -> date | None:
    """The first date of the month after; None after the calendar's last."""
    return None if (first.year, first.month) == (date.max.year, 12) else (first + _LONGEST_MONTH).replace(day=1)


def date_starts_at(zones: Zones, day: date | None) -> Moment:
    """The first moment whose booking date is `day` or, where the zones skip it, the next one; NEVER for None."""
    if len(zones) == 1 and zones[0].starts_at is None:
        return day_starts_at(zones[0].time_zone, day)
    for span, ends_at in spans(zones):
        starts_at = day_starts_at(span.time_zone, day)
        if span.starts_at is not None:
            starts_at = max(starts_at, span.starts_at)
        if ends_at is None or starts_at < ends_at:
            return starts_at
    raise ValueError("A brand needs at least one time zone.")


def day_of(zones: Zones, day: date) -> Day:
    """The day of a date. One that a change of zone skips ends where it begins."""
    return Day(day, date_starts_at(zones, day), date_starts_at(zones, next_day(day)))


def spans(zones: Zones) -> Iterator[tuple[ZoneSpan, Moment | None]]:
    """Each span with the moment at which it ends, `None` for the last."""
    for index, span in enumerate(zones):
        yield span, zones[index + 1].starts_at if index + 1 < len(zones) else None


def span_at(zones: Zones, moment: Moment) -> tuple[ZoneSpan, Moment | None]:
    """The span in force at the moment and the moment at which it ends, `None` for the last."""
    if len(zones) == 1:
        return zones[0], None
    for span, ends_at in spans(zones):
        if ends_at is None or moment < ends_at:
            return span, ends_at
    raise ValueError("A brand needs at least one time zone.")


@lru_cache(maxsize=65_536)
def day_starts_at(time_zone: str, day: date | None) -> Moment:
    """The first moment that bears the date: not always 00:00, and for a date that a zone skipped that of the next.
    NEVER for None, the day after the calendar's last."""
    if day is None:
        return NEVER
    if day == date.min:
        return ALWAYS
    return wall_moment(time_zone, datetime.combine(day, time()), second=False)


@lru_cache(maxsize=65_536)
def wall_moment(time_zone: str, wall: datetime, *, second: bool) -> Moment:
    """The moment of a naive wall clock time: its first or second one where clocks went back, the first moment after
    the gap where they went forward over it. NEVER where that is later than any moment that can be written."""
    before = _moment(wall.replace(tzinfo=zone(time_zone), fold=0))
    after = _moment(wall.replace(tzinfo=zone(time_zone), fold=1))
    if before > after:
        return _first_moment_showing(time_zone, wall, after, before)
    moment = after if second else before
    return moment if moment <= END_OF_TIME else NEVER


def local_date(time_zone: str, moment: Moment) -> date:
    """The date by the zone's wall clock. Where clocks go back over midnight it goes back too; booking dates do not."""
    return _wall(time_zone, moment).date()


def check_time_zone(name: str) -> None:
    """Raise ValueError, with a sentence for people, unless this is a name of the IANA database."""
    if name not in time_zone_names():
        raise ValueError(f"{name[:64]!r} is not a time zone: write an IANA name such as America/New_York.")


@lru_cache(maxsize=1)
def time_zone_names() -> frozenset[str]:
    """The IANA names in the package's own list: a folder of the machine may hold more, such as `localtime`."""
    names = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return frozenset(names) - {"Factory"}


def main_name(time_zone: str) -> str:
    """The IANA name to which all links of the zone lead: Asia/Kolkata for Asia/Calcutta."""
    links = _links()
    while time_zone in links:
        time_zone = links[time_zone]
    return time_zone


@lru_cache(maxsize=1)
def _links() -> dict[str, str]:
    """Other names of zones, from the package's own source of the database: lines `L TARGET NAME`."""
    source = resources.files("tzdata").joinpath("zoneinfo", "tzdata.zi").read_text(encoding="utf-8")
    lines = (line.split() for line in source.splitlines() if line.startswith("L "))
    return {name: target for _, target, name in lines}


@lru_cache(maxsize=1_024)
def zone(time_zone: str) -> ZoneInfo:
    """The zone's rules, from the package. Raises ValueError for a name that is not IANA's."""
    check_time_zone(time_zone)
    with resources.files("tzdata").joinpath("zoneinfo", *time_zone.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=time_zone)


@lru_cache(maxsize=65_536)
def _day_at(zones: Zones, moment: Moment) -> Day:
    return day_of(zones, _date_at(zones, moment))


@lru_cache(maxsize=65_536)
def month_of(zones: Zones, day: date) -> Month:
    """The month of a date."""
    first = day.replace(day=1)
    return Month(first, date_starts_at(zones, first), date_starts_at(zones, next_month(first)))


def _date_at(zones: Zones, moment: Moment) -> date:
    """The date of the zone in force or, where a change of zone would go back, the one just before the change."""
    day = date.min
    for span, ends_at in spans(zones):
        if ends_at is None or moment < ends_at:
            return max(day, _date_in_zone(span.time_zone, moment))
        day = max(day, _date_in_zone(span.time_zone, ends_at - 1))
    raise ValueError("A brand needs at least one time zone.")


def _date_in_zone(time_zone: str, moment: Moment) -> date:
    """The latest date that has begun: after clocks went back over midnight the wall shows the one before."""
    day = local_date(time_zone, moment)
    following = next_day(day)
    return following if following and moment >= day_starts_at(time_zone, following) else day


def _first_moment_showing(time_zone: str, wall: datetime, low: Moment, high: Moment) -> Moment:
    """Find by bisection the moment at which clocks jump over `wall`: zoneinfo does not publish its transitions."""
    low, high = low // SECOND, high // SECOND
    while low < high:
        middle = (low + high) // 2
        if _wall(time_zone, middle * SECOND) < wall:
            low = middle + 1
        else:
            high = middle
    return high * SECOND


def _wall(time_zone: str, moment: Moment) -> datetime:
    try:
        return datetime.fromtimestamp(moment // SECOND, tz=zone(time_zone)).replace(tzinfo=None, fold=0)
    except (OverflowError, ValueError, OSError):  # beyond the first or the last date, in UTC or in the zone
        return _FIRST_WALL if moment < 0 else _LAST_WALL


def _moment(local: datetime) -> Moment:
    return (local - _EPOCH) // _MILLISECOND
