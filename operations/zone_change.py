"""Computes when a changed time zone comes into force. Pure: no I/O."""

from typing import Final

from core.moment import MINUTE, Moment

__all__ = ["zone_starts_at"]

#: Long enough for every process to have the new zone before it is in force.
_DELAY: Final = MINUTE


def zone_starts_at(now: Moment) -> Moment:
    """The moment from which a zone that is chosen now is in force, on a whole minute."""
    return -(-(now + _DELAY) // MINUTE) * MINUTE
