"""When another time zone comes into force. No I/O."""

from typing import Final

from core.moment import MINUTE, Moment

__all__ = ["zone_starts_at"]

#: Every process has the new zone before it begins.
_AHEAD: Final = MINUTE


def zone_starts_at(now: Moment) -> Moment:
    """Of one that is chosen now: on a whole minute."""
    return -(-(now + _AHEAD) // MINUTE) * MINUTE
