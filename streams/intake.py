"""Applies a record to the state of its partition; what is refused or misplaced goes to the outbox."""

from collections.abc import Callable
from typing import Final

import msgspec
import structlog
from aiokafka import ConsumerRecord

from streams import metrics
from streams.core.calendar import check_time_zone
from streams.core.correction import read_correction
from streams.core.decide import (
    Reset,
    Tick,
    Verdict,
    decide_brand,
    decide_campaign,
    decide_correction,
    decide_reset,
    decide_spend,
    decide_tick,
)
from streams.core.moment import Moment, parse_moment
from streams.core.partitioner import partition_of
from streams.core.refusal import Refusal, RefusalReason
from streams.core.spend import Spend, read_spend, valid_id
from streams.core.state import Origin, PartitionState
from streams.dead_letters import Outbox, arrival_of, is_rerouted
from streams.records import decode_reset, decode_tick
from streams.topics import Topic

__all__ = ["Applied", "Intake"]

log = structlog.get_logger()

#: True when the record is done with; False when it must wait, because its brand is not known yet.
Applied = bool

_FUTURE_ARRIVAL_MS: Final = 300_000


class Intake:
    """What to do with a record of each input topic of one partition number."""

    def __init__(self, state: PartitionState, outbox: Outbox, *, partitions: int, given_times: bool) -> None:
        self._state = state
        self._outbox = outbox
        self._partitions = partitions
        self._given_times = given_times
        self._told_unknown: set[str] = set()
        self._apply: dict[Topic, Callable[[ConsumerRecord, Moment, bool], Applied]] = {
            Topic.SPEND_EVENTS: self.spend,
            Topic.SPEND_CORRECTIONS: self.correction,
            Topic.CATALOG: self.catalog,
            Topic.DAYPARTING_TICKS: self.tick,
            Topic.BUDGET_RESETS: self.reset,
        }

    def apply(self, topic: Topic, record: ConsumerRecord, now: Moment, *, judged: bool = False) -> Applied:
        """Apply one record. `judged`: the catalog is read far enough to say that an unknown brand does not exist."""
        return self._apply[topic](record, now, judged)

    def spend(self, record: ConsumerRecord, now: Moment, judged: bool) -> Applied:
        """Count a spend event, send it to where it belongs, or refuse it."""
        arrival = record.timestamp
        if self._given_times and arrival > now + _FUTURE_ARRIVAL_MS:
            return self._refuse(record, _arrival_in_future(arrival - now))
        spend = read_spend(record.value)
        if type(spend) is Refusal:
            return self._refuse(record, spend)
        assert isinstance(spend, Spend)
        if record.key != spend.brand_id.encode() or self._elsewhere(spend.brand_id):
            return self._misplaced(record, spend.brand_id)
        if record.headers:
            arrival = arrival_of(record)
        verdict = decide_spend(self._state, spend, record.topic, record.offset, arrival)
        if verdict is Verdict.COUNTED:
            return True
        return self._unusual(record, spend, verdict, judged)

    def correction(self, record: ConsumerRecord, now: Moment, judged: bool) -> Applied:
        correction = read_correction(record.value)
        if isinstance(correction, Refusal):
            return self._refuse(record, correction)
        if self._elsewhere(correction.brand_id):
            return self._refuse(record, _misplaced_twice("a correction is written to its brand's partition"))
        verdict = decide_correction(self._state, correction, self._origin(record, now))
        if verdict is Verdict.UNKNOWN_BRAND:
            return judged and self._refuse(record, _unknown_brand(correction.brand_id))
        return True

    def catalog(self, record: ConsumerRecord, now: Moment, judged: bool) -> Applied:
        """Put a document in force; one that names no brand of this partition is skipped, logged and counted."""
        if record.value is None:
            return True
        brand_id, slash, campaign_id = (record.key or b"").decode(errors="replace").partition("/")
        if not valid_id(brand_id) or (slash and not valid_id(campaign_id)) or self._elsewhere(brand_id):
            return self._skip(record, "catalog_document_names_no_brand_here")
        origin = self._origin(record, now)
        if slash:
            decide_campaign(self._state, brand_id, campaign_id, record.value, origin)
            return True
        refusal = decide_brand(self._state, brand_id, record.value, origin)
        return self._skip(record, refusal.message) if isinstance(refusal, Refusal) else True

    def tick(self, record: ConsumerRecord, now: Moment, judged: bool) -> Applied:
        try:
            due_at = parse_moment(decode_tick(record.value or b"").due_at)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return self._skip(record, f"malformed tick: {error}")
        decide_tick(self._state, Tick(due_at), self._origin(record, now))
        metrics.LAST_TICK.set(due_at / 1000)
        return True

    def reset(self, record: ConsumerRecord, now: Moment, judged: bool) -> Applied:
        try:
            message = decode_reset(record.value or b"")
            check_time_zone(message.time_zone)
            due_at = parse_moment(message.due_at)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return self._skip(record, f"malformed reset: {error}")
        decide_reset(self._state, Reset(message.time_zone, due_at), self._origin(record, now))
        return True

    def _unusual(self, record: ConsumerRecord, spend: Spend, verdict: Verdict | Refusal, judged: bool) -> Applied:
        if isinstance(verdict, Refusal):
            return self._refuse(record, verdict)
        if verdict is Verdict.UNKNOWN_BRAND:
            return judged and self._refuse(record, _unknown_brand(spend.brand_id))
        metrics.VERDICTS.labels(verdict.name.lower()).inc()
        if verdict is Verdict.DUPLICATE_OF_OTHER_AMOUNT:
            log.warning("duplicate_of_other_amount", event_id=spend.event_id, brand_id=spend.brand_id)
        elif verdict is Verdict.COUNTED_FOR_UNKNOWN_CAMPAIGN and spend.campaign_id not in self._told_unknown:
            self._told_unknown.add(spend.campaign_id)
            log.warning("unknown_campaign", campaign_id=spend.campaign_id, brand_id=spend.brand_id)
        return True

    def _misplaced(self, record: ConsumerRecord, brand_id: str) -> Applied:
        if is_rerouted(record):
            return self._refuse(record, _misplaced_twice("it was rerouted once already and is misplaced again"))
        metrics.REROUTED.inc()
        self._outbox.reroute(record, brand_id, partition_of(brand_id, self._partitions))
        return True

    def _refuse(self, record: ConsumerRecord, refusal: Refusal) -> Applied:
        metrics.DEAD_LETTERS.labels(refusal.reason.value).inc()
        self._outbox.dead_letter(record, refusal)
        return True

    def _skip(self, record: ConsumerRecord, why: str) -> Applied:
        metrics.SKIPPED.labels(record.topic).inc()
        log.warning("record_skipped", topic=record.topic, partition=record.partition, offset=record.offset, why=why)
        return True

    def _elsewhere(self, brand_id: str) -> bool:
        return partition_of(brand_id, self._partitions) != self._state.partition

    def _origin(self, record: ConsumerRecord, now: Moment) -> Origin:
        # A forged time of a record that is not spend must not move clocks either; such records have no dead letters.
        arrival = min(record.timestamp, now + _FUTURE_ARRIVAL_MS) if self._given_times else record.timestamp
        return Origin(record.topic, record.offset, arrival)


def _unknown_brand(brand_id: str) -> Refusal:
    return Refusal(RefusalReason.UNKNOWN_BRAND, f"brand_id: no brand {brand_id}; add it, then replay this dead letter")


def _misplaced_twice(why: str) -> Refusal:
    return Refusal(RefusalReason.MISPLACED, f"the record is not in the partition of its brand: {why}")


def _arrival_in_future(ahead_ms: int) -> Refusal:
    return Refusal(RefusalReason.ARRIVAL_IN_FUTURE, f"the record's timestamp is {ahead_ms / 1000:.3f} s after now")
