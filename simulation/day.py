"""A whole past day as records in the order of their times: catalog, ticks, resets and spend. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from heapq import merge
from itertools import chain
from operator import attrgetter
from random import Random
from typing import Final

from core.moment import HOUR, MINUTE, Moment
from core.partitioner import partition_of
from core.records import BrandDocument
from schedulers.messages import message_of
from schedulers.schedules import schedules_of
from schedulers.ticks_due import ticks_due
from simulation.brands import Document, brands_of, generate_brands
from simulation.traffic import AMOUNT_MICROS, Mix, PlannedRecord, SpendGenerator
from streams.kafka.codec import encode
from streams.kafka.topics import Topic

__all__ = ["DayOptions", "DayPlan", "arrivals"]

DAY: Final = 24 * HOUR
MINUTES: Final = DAY // MINUTE
#: The ratio of the rush hour's events to those of the quietest hour.
RUSH: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOptions:
    """`rush_hour` is the hour of the day, in UTC, in which most events come."""

    day: date
    events: int
    brands: int = 40
    campaigns: int = 3
    rush_hour: int = 19
    seed: int = 1
    mix: Mix = field(default_factory=Mix)


class DayPlan:
    """The records of a day. Read `records` once to its end; then `generator.totals` are the totals to expect."""

    def __init__(self, options: DayOptions, *, name: str, partitions: int) -> None:
        self.events = options.events
        self._rush_hour = options.rush_hour
        self._partitions = partitions
        self._random = Random(f"{options.seed} of the day")  # noqa: S311 - to be repeated, not to be secret
        per_brand = options.events * AMOUNT_MICROS // options.brands
        self.documents: list[Document] = generate_brands(
            name, options.brands, options.campaigns, per_brand, self._random
        )
        self.brands = brands_of(self.documents)
        self.generator = SpendGenerator(self.brands, options.mix, seed=options.seed, name=name, partitions=partitions)
        self.starts_at = _midnight(options.day)
        self.ends_at = self.starts_at + DAY

    def records(self) -> Iterator[PlannedRecord]:
        """Make all records in the order of their times; at equal times documents, resets, ticks, spend."""
        by_time = attrgetter("at")
        return chain(self._catalog(), merge(self._scheduled(), self._spend(), key=by_time))

    def _catalog(self) -> Iterator[PlannedRecord]:
        for document in self.documents:
            brand_id = document.brand_id
            key = brand_id if isinstance(document, BrandDocument) else f"{brand_id}/{document.campaign_id}"
            partition = partition_of(brand_id, self._partitions)
            yield PlannedRecord(Topic.CATALOG, partition, key.encode(), encode(document), self.starts_at)

    def _scheduled(self) -> Iterator[PlannedRecord]:
        """The scheduler's messages from the day's first moment to the next day's, both included."""
        zones = (span.time_zone for brand in self.brands for span in brand.zones)
        due = [
            (it.due_at, message_of(schedule, it))
            for schedule in schedules_of(zones)
            for it in ticks_due(schedule, self.starts_at - 1, self.ends_at)
        ]
        for at, message in sorted(due, key=lambda it: it[0]):
            for partition in range(self._partitions):
                yield PlannedRecord(message.topic, partition, None, message.value, at)

    def _spend(self) -> Iterator[PlannedRecord]:
        for moment in arrivals(self.starts_at, self.events, self._rush_hour, self._random):
            yield from self.generator.spend_at(moment)


def arrivals(starts_at: Moment, events: int, rush_hour: int, random: Random) -> Iterator[Moment]:
    """The sorted arrivals of `events` events of the day that starts then, most of them in the rush hour."""
    weights = [_weight(minute, rush_hour) for minute in range(MINUTES)]
    share, due, made = events / sum(weights), 0.0, 0
    for minute, weight in enumerate(weights):
        due += weight * share
        until = events if minute == MINUTES - 1 else round(due)
        in_minute = starts_at + minute * MINUTE
        yield from sorted(in_minute + random.randrange(MINUTE) for _ in range(until - made))
        made = until


def _weight(minute: int, rush_hour: int) -> float:
    """The weight of a minute, which falls linearly from the middle of the rush hour to twelve hours from it."""
    away = abs(minute - (rush_hour * 60 + 30)) % MINUTES
    return 1 + (RUSH - 1) * (1 - 2 * min(away, MINUTES - away) / MINUTES) ** 2


def _midnight(day: date) -> Moment:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000
