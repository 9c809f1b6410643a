"""Moments: milliseconds since the epoch inside, RFC 3339 outside."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

__all__ = [
    "HOUR",
    "MINUTE",
    "SECOND",
    "Moment",
    "format_moment",
    "parse_moment",
]

#: Milliseconds since 1970-01-01T00:00:00Z. An int, because it is compared and hashed for every event.
Moment: TypeAlias = int

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_END_OF_TIME = (datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC) - _EPOCH) // _MILLISECOND

# datetime.fromisoformat alone takes more than RFC 3339 allows: week dates, missing seconds, any separator.
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]"
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def parse_moment(text: str) -> Moment:
    """Read RFC 3339 with an offset. Digits beyond the millisecond are cut off, so no moment moves into the next day."""
    if _RFC_3339.fullmatch(text) is None:
        raise ValueError(
            f"{_shown(text)} is not a moment: write RFC 3339 with an offset, such as 2025-09-08T09:00:00.125Z."
        )
    try:
        moment = (datetime.fromisoformat(text.upper()) - _EPOCH) // _MILLISECOND
    except ValueError as error:
        raise ValueError(f"{_shown(text)} is not a moment: {error}.") from error
    if not 0 <= moment <= _END_OF_TIME:
        raise ValueError(f"{_shown(text)} is out of range: moments lie between 1970 and 9999, in UTC.")
    return moment


def format_moment(moment: Moment) -> str:
    """Write UTC with `Z`, with three fraction digits or, on a whole second, none."""
    second, millisecond = divmod(moment, SECOND)
    text = _second_text(second)
    return f"{text}.{millisecond:03d}Z" if millisecond else f"{text}Z"


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    """Many commands are told in the same second."""
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")


def _shown(text: str) -> str:
    """The text as an error may show it: a value of 64 KiB does not belong into a sentence."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
