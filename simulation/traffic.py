"""Generates spend events of a simulation, and the totals that they must reach. Pure: seed and time are arguments.

Every event says when it occurred, so that it is booked to the same day whichever of its copies comes first.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple

from core.calendar import date_of
from core.moment import HOUR, MINUTE, Moment, format_moment
from core.money import format_money
from core.partitioner import partition_of
from simulation.brands import SimulatedBrand
from simulation.planned_totals import PlannedTotals
from streams.kafka.topics import Topic

__all__ = ["AMOUNT_MICROS", "LATE_MAX", "Mix", "PlannedRecord", "SpendGenerator"]

#: The mean amount of an event.
AMOUNT_MICROS: Final = 12_500
LATE_MAX: Final = 48 * HOUR
#: The number of events that are remembered for duplicates and refunds.
REMEMBERED: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Shares of all events, 0 to 1. Duplicates come on top of them."""

    duplicates: float = 0.03
    late: float = 0.02
    refunds: float = 0.01
    wrong_keys: float = 0.005


class PlannedRecord(NamedTuple):
    """A record with its topic, partition and time."""

    topic: Topic
    partition: int
    key: bytes | None
    value: bytes
    at: Moment


class _SentSpend(NamedTuple):
    """The fields of a published event that its duplicates and refunds need."""

    campaign: int
    micros: int
    value: bytes


class SpendGenerator:
    """Generates spend events by `spend_at`; `totals` and `counts` are those of all events so far.

    `name` is part of the event ids: with another name all events count, with the same one they are duplicates.
    """

    def __init__(self, brands: Sequence[SimulatedBrand], mix: Mix, *, seed: int, name: str, partitions: int) -> None:
        self.totals = PlannedTotals()
        self.counts: Counter[str] = Counter(events=0, duplicates=0, late=0, refunds=0, wrong_keys=0)
        self._campaigns = [(brand, campaign_id) for brand in brands for campaign_id in brand.campaign_ids]
        # A few campaigns spend much, most spend little.
        self._weights = list(accumulate(1 / (1 + rank % 97) ** 0.5 for rank in range(len(self._campaigns))))
        self._home = {brand.brand_id: partition_of(brand.brand_id, partitions) for brand in brands}
        self.brand_ids = {brand.brand_id for brand in brands}
        #: By brand id.
        self.currencies = {brand.brand_id: brand.currency for brand in brands}
        self._mix = mix
        self._name = name
        self._partitions = partitions
        self._random = Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self._sent: list[_SentSpend] = []

    def spend_at(self, moment: Moment) -> Iterator[PlannedRecord]:
        """The records that arrive at the moment: a new event and, by the mix, a duplicate of an earlier one."""
        if self._sent and self._drawn(self._mix.refunds, "refunds"):
            yield self._new(self._refund(), moment)
        else:
            campaign = self._random.choices(range(len(self._campaigns)), cum_weights=self._weights)[0]
            yield self._new((campaign, self._amount()), moment)
        if self._random.random() < self._mix.duplicates:
            self.counts["duplicates"] += 1
            again = self._random.choice(self._sent)
            yield self._record(again.campaign, again.value, moment)

    def _new(self, what: tuple[int, int], moment: Moment) -> PlannedRecord:
        campaign, micros = what
        brand, campaign_id = self._campaigns[campaign]
        occurred_at = moment
        if self._drawn(self._mix.late, "late"):
            occurred_at -= self._random.randrange(MINUTE, LATE_MAX)
        value = (
            f'{{"event_id":"{self._name}-{self.counts["events"]}","brand_id":"{brand.brand_id}",'
            f'"campaign_id":"{campaign_id}","amount":"{format_money(micros)}","currency":"{brand.currency}",'
            f'"occurred_at":"{format_moment(occurred_at)}"}}'
        ).encode()
        self.counts["events"] += 1
        self.totals.add(brand.brand_id, campaign_id, date_of(brand.zones, occurred_at), micros)
        self._remember(_SentSpend(campaign, micros, value))
        return self._record(campaign, value, moment)

    def _record(self, campaign: int, value: bytes, moment: Moment) -> PlannedRecord:
        brand, campaign_id = self._campaigns[campaign]
        if self._drawn(self._mix.wrong_keys, "wrong_keys"):
            return self._misplaced(campaign_id, value, moment)
        brand_id = brand.brand_id
        return PlannedRecord(Topic.SPEND_EVENTS, self._home[brand_id], brand_id.encode(), value, moment)

    def _misplaced(self, campaign_id: str, value: bytes, moment: Moment) -> PlannedRecord:
        """A record as of a producer that sets no key, or the wrong one."""
        if self._random.random() < 0.5:
            return PlannedRecord(Topic.SPEND_EVENTS, self._random.randrange(self._partitions), None, value, moment)
        partition = partition_of(campaign_id, self._partitions)
        return PlannedRecord(Topic.SPEND_EVENTS, partition, campaign_id.encode(), value, moment)

    def _amount(self) -> int:
        return 1 + int(self._random.expovariate(1 / AMOUNT_MICROS))

    def _refund(self) -> tuple[int, int]:
        """A refund of all or a part of an earlier event; the refund of a refund reverses it."""
        former = self._random.choice(self._sent)
        part = self._random.randint(1, abs(former.micros))
        return former.campaign, -part if former.micros > 0 else part

    def _remember(self, sent: _SentSpend) -> None:
        if len(self._sent) < REMEMBERED:
            self._sent.append(sent)
        else:
            self._sent[self._random.randrange(REMEMBERED)] = sent

    def _drawn(self, share: float, counted_as: str) -> bool:
        drawn = self._random.random() < share
        self.counts[counted_as] += drawn
        return drawn
