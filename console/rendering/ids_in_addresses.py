"""Ids as path segments. `.` and `..` are valid ids, but every client removes such segments from a URL, escaped or not:
an id in a path may be prefixed with `~`, with which no id begins."""

from typing import Final

__all__ = ["from_address", "in_address"]

_PREFIX: Final = "~"
_DOT_SEGMENTS: Final = (".", "..")


def in_address(an_id: str) -> str:
    return _PREFIX + an_id if an_id in _DOT_SEGMENTS else an_id


def from_address(part: str) -> str:
    return part.removeprefix(_PREFIX)
