"""Moments: milliseconds since the epoch inside, RFC 3339 outside."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

__all__ = [
    "ALWAYS",
    "END_OF_TIME",
    "HOUR",
    "MINUTE",
    "NEVER",
    "SECOND",
    "Moment",
    "format_moment",
    "format_optional_moment",
    "parse_moment",
]

#: Milliseconds since 1970-01-01T00:00:00Z. An int, because it is compared and hashed for every event.
Moment: TypeAlias = int

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

#: Before and after every moment that a Kafka timestamp (int64) can be.
ALWAYS: Moment = -(1 << 63)
NEVER: Moment = 1 << 63

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

#: The last moment that can be written.
END_OF_TIME = (datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC) - _EPOCH) // _MILLISECOND

# datetime.fromisoformat alone takes more than RFC 3339 allows: week dates, missing seconds, any separator.
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]"
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def parse_moment(text: str) -> Moment:
    """Read RFC 3339 with an offset. Raises ValueError with a sentence for people.

    Digits beyond the millisecond are cut off, so no moment moves into the next day; for the same reason a leap second
    is the last millisecond of the second before it.
    """
    if _RFC_3339.fullmatch(text) is None:
        raise ValueError(
            f"{_shown(text)} is not a moment: write RFC 3339 with an offset, such as 2025-09-08T09:00:00.125Z."
        )
    try:
        moment = (datetime.fromisoformat(text.upper()) - _EPOCH) // _MILLISECOND
    except ValueError as error:
        if text[17:19] == "60":
            return _leap_second(text)
        raise ValueError(f"{_shown(text)} is not a moment: {error}.") from error
    if not 0 <= moment <= END_OF_TIME:
        raise ValueError(f"{_shown(text)} is out of range: moments lie between 1970 and 9999, in UTC.")
    return moment


def format_moment(moment: Moment) -> str:
    """Write UTC with `Z`, with three fraction digits or, on a whole second, none."""
    second, millisecond = divmod(moment, SECOND)
    text = _second_text(second)
    return f"{text}.{millisecond:03d}Z" if millisecond else f"{text}Z"


def format_optional_moment(moment: Moment | None) -> str | None:
    """The same; None, for no moment, stays None."""
    return None if moment is None else format_moment(moment)


def _leap_second(text: str) -> Moment:
    """The last millisecond before a leap second. RFC 3339 has leap seconds only at the end of a month in UTC, whatever
    the offset in the text."""
    following = parse_moment(f"{text[:17]}59{text[19:]}") // SECOND + 1
    if following > END_OF_TIME // SECOND or not _second_text(following).endswith("-01T00:00:00"):
        raise ValueError(f"{_shown(text)} is not a moment: a leap second ends a month of UTC.")
    return following * SECOND - 1


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    """Cached, because many commands have the same second."""
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")


def _shown(text: str) -> str:
    """The text as an error may show it: a value may have 64 KiB."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
