"""Applies a record to the state of its partition; refused and misplaced records go to the outbox."""

import time
from collections.abc import Callable
from typing import Final

import msgspec
import structlog
from aiokafka import ConsumerRecord

from core.calendar import check_time_zone
from core.correction import read_correction
from core.decide import decide_correction, decide_spend
from core.decide_catalog import decide_brand, decide_campaign, leaves_pending_resumes
from core.decide_snapshot import decide_counted_snapshot, decide_snapshot
from core.decide_time import Reset, Steps, Tick, reset_steps, tick_steps
from core.guard import StateInDoubt, Undecidable, attempt
from core.moment import Moment, parse_moment
from core.partitioner import partition_of
from core.refusal import Refusal, RefusalReason
from core.snapshot import read_snapshot
from core.spend import Spend, read_spend, too_large, valid_id
from core.state import Origin, PartitionState
from core.verdict import Verdict
from streams.dead_letters.outbox import Outbox, arrival_of, is_counted, is_rerouted
from streams.kafka.codec import decode_reset, decode_tick
from streams.kafka.topics import Topic
from streams.kafka.truncation import TruncatedBytes, Undecodable
from streams.worker import worker_metrics

__all__ = ["TURN_SECONDS", "Applied", "RecordApplier"]

log = structlog.get_logger()

#: True when the record is applied, refused or skipped; False when it must wait, because its brand is not known yet.
Applied = bool

#: How long a partition decides on many brands at a time before others have their turn: other partitions, spend of
#: other brands, and flushes of what is decided.
TURN_SECONDS: Final = 0.002

#: Besides spend, which has its own method.
_WITH_DEAD_LETTERS: Final = (Topic.SPEND_CORRECTIONS, Topic.SPEND_SNAPSHOTS)
_FUTURE_ARRIVAL_MS: Final = 300_000
#: Spend later than this is in the metric of late spend.
_LATE_MS: Final = 60_000


class RecordApplier:
    """Applies the records of each input topic of one partition."""

    def __init__(self, state: PartitionState, outbox: Outbox, *, partitions: int, given_times: bool) -> None:
        self._state = state
        self._outbox = outbox
        self._partitions = partitions
        self._given_times = given_times
        self._warned_unknown: set[str] = set()
        self._steps: Steps | None = None  # of the record whose turn is over
        # Chosen once, because a check for every event costs; only a restore makes brands guarded.
        self._decide_spend = self._guarded_spend if state.guarded else decide_spend
        self._apply: dict[Topic, Callable[[ConsumerRecord, Moment, bool], Applied]] = {
            Topic.SPEND_EVENTS: self.spend,
            Topic.SPEND_SNAPSHOTS: self.snapshot,
            Topic.SPEND_CORRECTIONS: self.correction,
            Topic.CATALOG: self.catalog,
            Topic.DAYPARTING_TICKS: self.tick,
            Topic.BUDGET_RESETS: self.reset,
        }

    def apply(self, topic: Topic, record: ConsumerRecord, now: Moment, *, catalog_complete: bool = False) -> Applied:
        """Apply one record. `catalog_complete`: the catalog is applied so far that an unknown brand does not exist."""
        try:
            return self._apply[topic](record, now, catalog_complete)
        except StateInDoubt:
            raise
        except Exception as error:
            return self._undecidable(record, error, refuse=topic in _WITH_DEAD_LETTERS)

    @property
    def unfinished(self) -> bool:
        """Whether the tick or reset that was applied last has brands left: it is to be applied again, as it was."""
        return self._steps is not None

    def restart(self) -> None:
        """Forget an unfinished record, which is read again; its other brands stay due."""
        if self._steps is not None:
            self._steps.close()
            self._steps = None

    def note_undecidable(self, topic: str, offset: int, error: Exception) -> None:
        """Log and count a defect: an exception on a record that left the state as it was."""
        defect = error.__cause__ if isinstance(error, Undecidable) else error
        brand_id = error.brand_id if isinstance(error, Undecidable) else None
        partition = self._state.partition
        worker_metrics.UNDECIDABLE.labels(topic).inc()
        log.error("undecidable", topic=topic, partition=partition, offset=offset, brand_id=brand_id, exc_info=defect)

    def spend(self, record: ConsumerRecord, now: Moment, catalog_complete: bool) -> Applied:
        """Count a spend event, send it to where it belongs, or refuse it. The hot path."""
        try:
            arrival = record.timestamp
            if self._given_times and arrival > now + _FUTURE_ARRIVAL_MS:
                return self._refuse(record, _arrival_in_future(arrival - now))
            spend = read_spend(record.value)
            if type(spend) is Refusal:
                return self._refuse(record, spend)
            assert isinstance(spend, Spend)
            brand_id = spend.brand_id
            brand = self._state.brands.get(brand_id)
            # Brands of the catalog were asked for their partition before; others might be of any number.
            known = brand is not None and brand.config is not None
            if record.key != brand_id.encode() or (not known and self._elsewhere(brand_id)):
                return self._misplaced(Topic.SPEND_EVENTS, record, brand_id)
            if record.headers:
                arrival = arrival_of(record)
                self._outbox.note_trace(record)
            try:
                decide = self._decide_spend  # a local is called faster than a method
                verdict = decide(self._state, spend, record.topic, record.offset, arrival)
            except Undecidable:
                raise
            except Exception as error:
                raise StateInDoubt(brand_id) from error
            occurred_at = spend.occurred_at
            if verdict is Verdict.COUNTED:
                if occurred_at is not None and arrival - occurred_at > _LATE_MS:
                    worker_metrics.LATE_SPEND.observe((arrival - occurred_at) / 1000)
                return True
            return self._unusual(record, spend, verdict, catalog_complete)
        except StateInDoubt:
            raise
        except Exception as error:
            return self._undecidable(record, error, refuse=True)

    def correction(self, record: ConsumerRecord, now: Moment, catalog_complete: bool) -> Applied:
        """Count a correction, or refuse it."""
        correction = read_correction(record.value)
        if isinstance(correction, Refusal):
            return self._refuse(record, correction)
        if self._elsewhere(correction.brand_id):
            return self._refuse(record, _misplaced_twice("a correction is written to its brand's partition"))
        origin = self._origin(record, now)
        verdict = attempt(self._state, correction.brand_id, decide_correction, self._state, correction, origin)
        if verdict is Verdict.UNKNOWN_BRAND:
            return catalog_complete and self._refuse(record, _unknown_brand(correction.brand_id))
        return True

    def snapshot(self, record: ConsumerRecord, now: Moment, catalog_complete: bool) -> Applied:
        """Store a platform's total and derive spend from its increase, or refuse it."""
        if self._given_times and record.timestamp > now + _FUTURE_ARRIVAL_MS:
            return self._refuse(record, _arrival_in_future(record.timestamp - now))
        snapshot = read_snapshot(record.value)
        if isinstance(snapshot, Refusal):
            return self._refuse(record, snapshot)
        brand_id = snapshot.brand_id
        if record.key != brand_id.encode() or self._elsewhere(brand_id):
            return self._misplaced(Topic.SPEND_SNAPSHOTS, record, brand_id)
        arrival = arrival_of(record)
        decide = decide_counted_snapshot if is_counted(record) else decide_snapshot
        verdict: Verdict | Refusal = attempt(self._state, brand_id, decide, self._state, snapshot, arrival)
        if isinstance(verdict, Refusal):
            return self._refuse(record, verdict)
        if verdict is Verdict.UNKNOWN_BRAND:
            return catalog_complete and self._refuse(record, _unknown_brand(brand_id))
        worker_metrics.SNAPSHOTS.labels(verdict.name.lower()).inc()
        if verdict is Verdict.DUPLICATE_OF_OTHER_AMOUNT:
            log.warning(
                "snapshot_of_other_cost",
                source=snapshot.source,
                campaign_id=snapshot.campaign_id,
                day=snapshot.day.isoformat(),
            )
        return True

    def catalog(self, record: ConsumerRecord, now: Moment, catalog_complete: bool) -> Applied:
        """Apply a document; one that names no brand of this partition is skipped, logged and counted."""
        if record.value is None:
            return True
        brand_id, slash, campaign_id = _catalog_ids(record)
        if not valid_id(brand_id) or (slash and not valid_id(campaign_id)) or self._elsewhere(brand_id):
            return self._skip(record, "catalog_document_names_no_brand_here")
        origin = self._origin(record, now)
        if slash:
            attempt(self._state, brand_id, decide_campaign, self._state, brand_id, campaign_id, record.value, origin)
            return True
        refusal = attempt(self._state, brand_id, decide_brand, self._state, brand_id, record.value, origin)
        return self._skip(record, refusal.message) if isinstance(refusal, Refusal) else True

    def leaves_pending_resumes(self, record: ConsumerRecord) -> bool:
        """Whether a record of the catalog changes nothing that a pending resume is decided on."""
        brand_id, _, campaign_id = _catalog_ids(record)
        return leaves_pending_resumes(self._state, brand_id, campaign_id, record.timestamp)

    def tick(self, record: ConsumerRecord, now: Moment, catalog_complete: bool) -> Applied:
        """Decide on what is due by a tick, for the length of a turn; a malformed one is skipped and logged."""
        try:
            due_at = parse_moment(decode_tick(record.value or b"").due_at)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return self._skip(record, f"malformed tick: {error}")
        self._take_steps(record, lambda: tick_steps(self._state, Tick(due_at), self._origin(record, now)))
        worker_metrics.LAST_TICK.set(due_at / 1000)
        return True

    def reset(self, record: ConsumerRecord, now: Moment, catalog_complete: bool) -> Applied:
        """Roll the brands of a time zone over, for the length of a turn; a malformed reset is skipped and logged."""
        try:
            message = decode_reset(record.value or b"")
            check_time_zone(message.time_zone)
            due_at = parse_moment(message.due_at)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return self._skip(record, f"malformed reset: {error}")
        message_reset = Reset(message.time_zone, due_at)
        self._take_steps(record, lambda: reset_steps(self._state, message_reset, self._origin(record, now)))
        return True

    def _take_steps(self, record: ConsumerRecord, begin: Callable[[], Steps]) -> None:
        """Take the steps of a record for the length of a turn; `unfinished` says whether there may be more of them."""
        steps = self._steps = self._steps or begin()
        turn_ends_at = time.monotonic() + TURN_SECONDS
        try:
            for failure in steps:
                if failure is not None:
                    self.note_undecidable(record.topic, record.offset, failure)
                if time.monotonic() > turn_ends_at:
                    return
        except BaseException:
            self._steps = None
            raise
        self._steps = None

    def _guarded_spend(
        self, state: PartitionState, spend: Spend, topic: str, offset: int, arrival: Moment
    ) -> Verdict | Refusal:
        return attempt(state, spend.brand_id, decide_spend, state, spend, topic, offset, arrival)

    def _undecidable(self, record: ConsumerRecord, error: Exception, *, refuse: bool) -> Applied:
        """Note a defect and pass over the record, with a dead letter where its topic has them."""
        self.note_undecidable(record.topic, record.offset, error)
        return self._refuse(record, _undecidable(error)) if refuse else True

    def _unusual(
        self, record: ConsumerRecord, spend: Spend, verdict: Verdict | Refusal, catalog_complete: bool
    ) -> Applied:
        if isinstance(verdict, Refusal):
            return self._refuse(record, verdict)
        if verdict is Verdict.UNKNOWN_BRAND:
            return catalog_complete and self._refuse(record, _unknown_brand(spend.brand_id))
        worker_metrics.VERDICTS.labels(verdict.name.lower()).inc()
        if verdict is Verdict.COUNTED_FOR_UNKNOWN_CAMPAIGN and spend.occurred_at is not None:
            late_ms = arrival_of(record) - spend.occurred_at
            if late_ms > _LATE_MS:
                worker_metrics.LATE_SPEND.observe(late_ms / 1000)
        if verdict is Verdict.DUPLICATE_OF_OTHER_AMOUNT:
            log.warning("duplicate_of_other_amount", event_id=spend.event_id, brand_id=spend.brand_id)
        elif verdict is Verdict.COUNTED_FOR_UNKNOWN_CAMPAIGN and spend.campaign_id not in self._warned_unknown:
            self._warned_unknown.add(spend.campaign_id)
            log.warning("unknown_campaign", campaign_id=spend.campaign_id, brand_id=spend.brand_id)
        return True

    def _misplaced(self, topic: Topic, record: ConsumerRecord, brand_id: str) -> Applied:
        if is_rerouted(record):
            return self._refuse(record, _misplaced_twice("it was rerouted once already and is misplaced again"))
        worker_metrics.REROUTED.inc()
        self._outbox.reroute(topic, record, brand_id, partition_of(brand_id, self._partitions))
        return True

    def _refuse(self, record: ConsumerRecord, refusal: Refusal) -> Applied:
        refusal = _refusal_of_reading(record.value) or refusal
        worker_metrics.DEAD_LETTERS.labels(refusal.reason.value).inc()
        try:
            self._outbox.dead_letter(record, refusal)
        except Exception as error:
            self.note_undecidable(record.topic, record.offset, error)
            self._refuse_without_headers(record, refusal)
        return True

    def _refuse_without_headers(self, record: ConsumerRecord, refusal: Refusal) -> None:
        """Where even that fails, the record is passed over and the log has its offset."""
        try:
            self._outbox.dead_letter_without_headers(record, refusal)
        except Exception as error:
            self.note_undecidable(record.topic, record.offset, error)

    def _skip(self, record: ConsumerRecord, why: str) -> Applied:
        worker_metrics.SKIPPED.labels(record.topic).inc()
        why = record.value.why if isinstance(record.value, Undecodable) else why
        log.warning("record_skipped", topic=record.topic, partition=record.partition, offset=record.offset, why=why)
        return True

    def _elsewhere(self, brand_id: str) -> bool:
        return partition_of(brand_id, self._partitions) != self._state.partition

    def _origin(self, record: ConsumerRecord, now: Moment) -> Origin:
        # A forged time of a record other than spend must not move clocks either; such records have no dead letters.
        arrival = min(record.timestamp, now + _FUTURE_ARRIVAL_MS) if self._given_times else record.timestamp
        return Origin(record.topic, record.offset, arrival)


def _catalog_ids(record: ConsumerRecord) -> tuple[str, str, str]:
    """The brand, the slash or nothing, and the campaign of a document's key."""
    return (record.key or b"").decode(errors="replace").partition("/")


def _refusal_of_reading(value: bytes | None) -> Refusal | None:
    """The refusal of a value that could not be decoded, or was cut because of its size."""
    if isinstance(value, Undecodable):
        return Refusal(RefusalReason.NOT_JSON, value.why)
    if isinstance(value, TruncatedBytes):
        return too_large(value.length)
    return None


def _unknown_brand(brand_id: str) -> Refusal:
    return Refusal(RefusalReason.UNKNOWN_BRAND, f"brand_id: no brand {brand_id}; add it, then replay this dead letter")


def _undecidable(error: Exception) -> Refusal:
    why = f"{error}: {error.__cause__!r:.500}" if isinstance(error, Undecidable) else f"{error!r:.500}"
    return Refusal(RefusalReason.UNDECIDABLE, f"a defect of Spendgate, see the worker's log; replay it later: {why}")


def _misplaced_twice(why: str) -> Refusal:
    return Refusal(RefusalReason.MISPLACED, f"the record is not in the partition of its brand: {why}")


def _arrival_in_future(future_ms: int) -> Refusal:
    return Refusal(RefusalReason.ARRIVAL_IN_FUTURE, f"the record's timestamp is {future_ms / 1000:.3f} s after now")
