"""Warns of event ids that a program has probably changed. They are valid, so their events are published."""

import re
from collections.abc import Callable
from typing import Final

__all__ = ["SuspectIds"]

#: An id of many digits after a spreadsheet has rounded it: several ids become the same, and only one of them counts.
_ROUNDED: Final = re.compile(r"[+-]?[0-9]([.,][0-9]+)?E\+?[0-9]{1,3}", re.ASCII | re.IGNORECASE)
_REMEMBERED_MAX: Final = 10_000
_WARNINGS_MAX: Final = 20


class SuspectIds:
    """Warns of the first id of each kind, and of rounded ids that occur again."""

    def __init__(self, warned: Callable[[str], None]) -> None:
        self._warned = warned
        self._line_of: dict[str, int] = {}
        self._warnings = 0
        self._warned_blank = False

    def check(self, number: int, event_id: str) -> None:
        if event_id != event_id.strip() and not self._warned_blank:
            self._warned_blank = True
            self._warned(f"Line {number}: the event id {event_id!r} begins or ends with a blank, which is part of it.")
        if _ROUNDED.fullmatch(event_id):
            self._check_rounded(number, event_id)

    def _check_rounded(self, number: int, event_id: str) -> None:
        first = self._line_of.get(event_id)
        if self._warnings < _WARNINGS_MAX and (first is not None or not self._line_of):
            self._warnings += 1
            self._warned(
                f"Line {number}: the event id {event_id} looks like a long number that a spreadsheet has rounded; "
                "different events that share it count once."
                if first is None
                else f"Line {number}: the event id {event_id} is that of line {first} too: only the first counts."
            )
        if len(self._line_of) < _REMEMBERED_MAX:
            self._line_of.setdefault(event_id, number)
