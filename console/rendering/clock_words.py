"""Local times and durations as text. Pure."""

from datetime import UTC, datetime

from core.calendar import zone
from core.moment import MINUTE, SECOND, Moment

__all__ = ["length_text", "local_time"]


def local_time(time_zone: str, at: Moment) -> datetime:
    """The moment in the zone, by the tzdata package and not the system's zone files."""
    return datetime.fromtimestamp(at // SECOND, UTC).astimezone(zone(time_zone))


def length_text(milliseconds: int) -> str:
    """A length of time in whole minutes, such as `2 h 30 min`."""
    hours, minutes = divmod(milliseconds // MINUTE, 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"
