"""The machine's clock. The core never reads one: moments are given to it."""

import time

from core.moment import Moment

__all__ = ["current_moment"]


def current_moment() -> Moment:
    """The present moment by this machine's clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
