"""Moments near the days on which clocks change, where calendars go wrong, and the wall clock to check them against."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import available_timezones

from hypothesis import strategies as st

from core.calendar import check_time_zone, zone
from core.moment import HOUR, MINUTE, SECOND, Moment, parse_moment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEARS = range(1980, 2038)


def is_known(name: str) -> bool:
    try:
        check_time_zone(name)
    except ValueError:
        return False
    return True


TIME_ZONES = sorted(filter(is_known, available_timezones()))

#: Those whose clock changes hide midnight, repeat it or skip a date.
STRANGE = (
    "America/Santiago",
    "America/Havana",
    "America/St_Johns",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "Asia/Gaza",
    "America/Scoresbysund",
    "Antarctica/Troll",
)


def at(text: str) -> Moment:
    return parse_moment(text)


def wall(time_zone: str, moment: Moment) -> datetime:
    """What a clock on the wall shows, by zoneinfo alone."""
    return datetime.fromtimestamp(moment // SECOND, tz=zone(time_zone)).replace(tzinfo=None, fold=0)


@lru_cache(maxsize=4_096)
def clock_changes(time_zone: str, year: int) -> tuple[Moment, ...]:
    """The moments of a year at which the offset of the zone changes, to the minute."""
    start = (datetime(year, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
    steps = [start + step * 12 * HOUR for step in range(2 * 366)]
    return tuple(
        _halve(time_zone, low, high)
        for low, high in pairwise(steps)
        if offset(time_zone, low) != offset(time_zone, high)
    )


def offset(time_zone: str, moment: Moment) -> timedelta:
    offset = datetime.fromtimestamp(moment // SECOND, tz=zone(time_zone)).utcoffset()
    assert offset is not None
    return offset


def _halve(time_zone: str, low: Moment, high: Moment) -> Moment:
    before = offset(time_zone, low)
    while high - low > MINUTE:
        middle = (low + high) // 2 // MINUTE * MINUTE
        low, high = (middle, high) if offset(time_zone, middle) == before else (low, middle)
    return high


@st.composite
def zone_and_moment(draw: st.DrawFn) -> tuple[str, Moment]:
    """A zone and a minute, within two days of a change of its clock where the year has one."""
    time_zone = draw(st.sampled_from(STRANGE) | st.sampled_from(TIME_ZONES))
    year = draw(st.sampled_from(YEARS))
    changes = clock_changes(time_zone, year)
    near = draw(st.sampled_from(changes)) if changes else at(f"{year}-06-15T12:00:00Z")
    return time_zone, near + draw(st.integers(-48 * 60, 48 * 60)) * MINUTE
