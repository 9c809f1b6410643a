"""When a delivery that failed is tried again, and when it is given up."""

from typing import Final

from core.moment import SECOND, Moment

__all__ = ["TRIED_FOR_MS", "next_attempt_at"]

TRIED_FOR_MS: Final = 24 * 3600 * SECOND
_FIRST_PAUSE_MS: Final = 1 * SECOND
_LONGEST_PAUSE_MS: Final = 600 * SECOND
_DOUBLINGS: Final = 10
_LONGEST_WISH_MS: Final = 3600 * SECOND


def next_attempt_at(attempts: int, due_since: Moment, now: Moment, wished: Moment | None = None) -> Moment | None:
    """The moment of the next attempt after `attempts` failed ones, the last of them now; None: the delivery is given
    up. `due_since` is the moment from which it could have been tried. The pauses are 1, 2, 4 … 600 s, and the last
    attempt comes when 24 h are over. A receiver may wish for a later moment, within an hour."""
    deadline = due_since + TRIED_FOR_MS
    if now >= deadline:
        return None
    pause_ms = min(_FIRST_PAUSE_MS << min(attempts - 1, _DOUBLINGS), _LONGEST_PAUSE_MS)
    if wished is not None:
        pause_ms = max(pause_ms, min(wished - now, _LONGEST_WISH_MS))
    return min(now + pause_ms, deadline)
