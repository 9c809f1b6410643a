"""What the controller holds by the last flush of each partition: event ids of duplicates, and resumes not yet sent."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from core.moment import SECOND, Moment, format_moment
from core.state_records import PART_KEY, PartRecord, decode_part
from operations.last_records import last_records
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["Held", "held_by", "read_held"]

#: A flush ends in `part` and in marks of transactions.
_LOOK_BACK = 20


class Held(NamedTuple):
    """Over all partitions. `seconds` and `since` are None where every id that ever came is held."""

    #: Event ids that are held where they are most, and the setting DUPLICATE_WINDOW.
    event_ids: int
    capacity: int
    #: Where old ids were dropped already: how far back the ids go that are held, in the partition where that is least.
    since: str | None
    seconds: float | None
    resumes: int
    resumes_since: str | None
    resumes_seconds: float | None

    def facts(self) -> dict[str, Any]:
        """The fields of `status --json`."""
        window = {"event_ids": self.event_ids, "capacity": self.capacity, "since": self.since, "seconds": self.seconds}
        resumes = {"count": self.resumes, "since": self.resumes_since, "seconds": self.resumes_seconds}
        return {"duplicate_window": window, "held_resumes": resumes}


async def read_held(settings: Settings, now: Moment) -> Held:
    records = await last_records(settings, Topic.CONTROLLER_STATE, at_most=_LOOK_BACK)
    parts: dict[int, PartRecord] = {}
    for record in records:
        if record.key == PART_KEY.encode():
            try:
                parts[record.partition] = decode_part(record.value)
            except ValueError:  # not the controller's
                continue
    return held_by(parts, settings.duplicate_window, now)


def held_by(parts: Mapping[int, PartRecord], capacity: int, now: Moment) -> Held:
    """What the last `part` of each partition says of it; `capacity` is that of a duplicate window, in ids."""
    full = [part for part in parts.values() if part.seen >= capacity and part.seen_since]
    window_since = max((part.seen_since[0][1] for part in full), default=None)
    holding = [part for part in parts.values() if part.resumes_awaited]
    resumes_since = _earliest(part.resumes_awaited_since for part in holding)
    return Held(
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
