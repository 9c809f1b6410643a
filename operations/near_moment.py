"""Local moments as people read them, no longer than they must be. Pure."""

from datetime import datetime
from typing import Final

__all__ = ["near_text"]

#: A weekday names one day among so many on either side of today; the next one bears the name of today.
_WEEKDAY_DAYS: Final = 6
_WEEKDAY: Final = "%a %H:%M"
_DATE: Final = "%a %-d %b %H:%M"
_YEAR: Final = "%a %-d %b %Y %H:%M"


def near_text(at: datetime, now: datetime) -> str:
    """The local time `at` as text, seen from the local time `now` of the same zone: a weekday and a time within six
    days, a date and a time beyond them, with the year where it is another one."""
    if abs((at.date() - now.date()).days) <= _WEEKDAY_DAYS:
        return at.strftime(_WEEKDAY)
    return at.strftime(_DATE if at.year == now.year else _YEAR)
