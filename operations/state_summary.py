"""Summary of the controller's state: how far back it knows duplicates, and which resumes are pending."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from core.moment import SECOND, Moment, format_moment
from core.state_records import PART_KEY, PartRecord, decode_part
from operations.last_records import last_records
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["StateSummary", "read_state_summary", "state_summary"]

#: A flush ends in `part` and in marks of transactions.
_LAST_OFFSETS = 20


class StateSummary(NamedTuple):
    """The summary over all partitions. `since` and `seconds` are None where every id that ever came is held."""

    #: Event ids in the largest duplicate window, and how many a window may hold.
    event_ids: int
    capacity: int
    #: How far back the ids go in the full window that reaches back least.
    since: str | None
    seconds: float | None
    #: Pending resumes, and the moment at which the oldest was decided.
    resumes: int
    resumes_since: str | None
    resumes_seconds: float | None

    def facts(self) -> dict[str, Any]:
        """The fields of `status --json`."""
        window = {"event_ids": self.event_ids, "capacity": self.capacity, "since": self.since, "seconds": self.seconds}
        resumes = {"count": self.resumes, "since": self.resumes_since, "seconds": self.resumes_seconds}
        return {"duplicate_window": window, "held_resumes": resumes}


async def read_state_summary(settings: Settings, now: Moment) -> StateSummary:
    """The summary as of the last flush of each partition."""
    records = await last_records(settings, Topic.CONTROLLER_STATE, at_most=_LAST_OFFSETS)
    parts: dict[int, PartRecord] = {}
    for record in records:
        if record.key == PART_KEY.encode():
            try:
                parts[record.partition] = decode_part(record.value)
            except ValueError:  # not the controller's
                continue
    return state_summary(parts, settings.duplicate_window, now)


def state_summary(parts: Mapping[int, PartRecord], capacity: int, now: Moment) -> StateSummary:
    """The summary of the last `part` of each partition; `capacity` is that of a duplicate window, in ids."""
    full = [part for part in parts.values() if part.seen >= capacity and part.seen_since]
    window_since = max((part.seen_since[0][1] for part in full), default=None)
    holding = [part for part in parts.values() if part.resumes_awaited]
    resumes_since = _earliest(part.resumes_awaited_since for part in holding)
    return StateSummary(
        max((part.seen for part in parts.values()), default=0),
        capacity,
        *_ago(window_since, now),
        sum(part.resumes_awaited for part in holding),
        *_ago(resumes_since, now),
    )


def _earliest(moments: Iterable[Moment | None]) -> Moment | None:
    return min((it for it in moments if it is not None), default=None)


def _ago(moment: Moment | None, now: Moment) -> tuple[str | None, float | None]:
    if moment is None:
        return None, None
    try:
        return format_moment(moment), max(0, now - moment) / SECOND
    except (ValueError, OverflowError):  # forged
        return None, None
