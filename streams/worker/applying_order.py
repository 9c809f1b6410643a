"""The order in which the records of a partition are applied: lowest arrival first, and what waits at a barrier.

The source of the order is docs/contract.md, "Order of decisions".
"""

import time
from collections.abc import Hashable
from typing import Final

from aiokafka import ConsumerRecord

from core.emission import release_resume
from core.moment import Moment
from core.records import Action, CauseKind
from core.state import BrandState, CampaignState, PartitionState, PendingResume
from streams.dead_letters.outbox import Outbox
from streams.kafka.topics import INPUTS, Topic
from streams.worker import worker_metrics
from streams.worker.apply import TURN_SECONDS, RecordApplier
from streams.worker.barriers import Barriers
from streams.worker.inbox import Inbox

__all__ = ["OrderedApplier"]

_SPEND_ORDER: Final = INPUTS.index(Topic.SPEND_EVENTS)
_TOPIC_OF_CAUSE: Final = {
    CauseKind.SPEND: Topic.SPEND_EVENTS,
    CauseKind.CORRECTION: Topic.SPEND_CORRECTIONS,
    CauseKind.CATALOG: Topic.CATALOG,
    CauseKind.DAYPARTING_TICK: Topic.DAYPARTING_TICKS,
    CauseKind.BUDGET_RESET: Topic.BUDGET_RESETS,
}

#: What may be decided ahead of the broker, so that a flush and its memory are bounded.
_OUTBOX_BYTES: Final = 16 * 1024 * 1024
_MESSAGES: Final = 50_000  # of each kind: commands, alerts, derived spend
#: How many brands and commands that are decided on in turns a flush gathers: the more, the fewer transactions and the
#: fewer brands that are written twice, with their resume pending and again without. What others decide meanwhile is
#: written with it, so that no more than twice as many are decided before the flush is committed.
_WRITES_OF_TURNS: Final = 1_000

_Resume = tuple[BrandState, CampaignState, PendingResume]


class OrderedApplier:
    """Takes records from the inbox of a partition and applies them, as far as order and barriers allow."""

    def __init__(
        self, state: PartitionState, inbox: Inbox, outbox: Outbox, applier: RecordApplier, barriers: Barriers
    ) -> None:
        self._state = state
        self._inbox = inbox
        self._outbox = outbox
        self._applier = applier
        self._barriers = barriers
        #: Whether enough was decided for now: what can go on is asked for again after others had their turn.
        self.turn_is_over = False
        #: How many turns were over, to tell work from a standstill.
        self.turns = 0
        #: The tick or reset whose brands are decided on in several turns.
        self._unfinished: Topic | None = None
        #: Resumes whose barrier is reached, in the reverse of the order in which they are emitted.
        self._releasing: list[_Resume] = []
        #: The resumes that the spend barrier releases.
        self._awaiting_spend: list[_Resume] = []
        self._awaiting_since = 0.0  # by time.monotonic
        self._held_seconds = 0.0  # of those in `_releasing`
        self._batches_of_resumes = 0  # how many there were so far: each of those that a barrier releases at once
        #: By topic: how far it was read when the spend barrier was raised.
        self._read_before_spend_barrier: dict[Topic, int] = {}
        #: The same for the spend barrier that was reached last.
        self._spend_complete_below: dict[Topic, int] = {}
        #: Topics whose first record names a brand that the catalog may still bring.
        self._awaiting_catalog: set[Topic] = set()
        #: By topic: a record below names an unknown brand for good once the catalog barrier is reached.
        self._read_before_barrier: dict[Topic, int] = {}
        #: The same for the catalog barrier that was reached last.
        self._catalog_complete_below: dict[Topic, int] = {}

    def restart(self) -> None:
        """Forget what waits: all of it is read again."""
        if self._awaiting_spend or self._releasing:
            self._batches_of_resumes -= 1  # the next one has the same resumes, and more
        self._awaiting_spend.clear()
        self._spend_complete_below.clear()
        self._awaiting_catalog.clear()
        self._catalog_complete_below.clear()
        self._releasing.clear()
        self._unfinished = None
        self._applier.restart()

    @property
    def waits_for_flush(self) -> bool:
        """Whether brands that are decided on in turns wait until what is decided is committed."""
        has_turns = self._unfinished is not None or bool(self._releasing)
        return has_turns and self._writes() > 2 * _WRITES_OF_TURNS

    def gathers(self, since: int) -> bool:
        """Whether the commands from this number on may wait for those of the next turn: a pause never waits."""
        has_room = self.turn_is_over and self._writes() <= _WRITES_OF_TURNS
        return has_room and all(command.action is Action.RESUME for command in self._state.commands[since:])

    def _writes(self) -> int:
        return len(self._state.commands) + len(self._state.dirty_brands)

    @property
    def pending(self) -> list[Hashable]:
        """What stands for the pending resumes: one name for those of a batch, another for those that became pending
        later, which the next batch keeps. At midnight they are very many, and each flush asks for this."""
        number = self._batches_of_resumes
        of_barrier: list[Hashable] = [("resumes", number)] if self._awaiting_spend or self._releasing else []
        return [*of_barrier, ("resumes", number + 1)] if self._state.pending_resumes else of_barrier

    def apply_next(self, now: Moment) -> bool:
        """Apply the records whose turn it is; False while all that is at hand must wait. Raises StateInDoubt."""
        self.turn_is_over = False
        if self._is_full():
            return False
        if self._releasing:
            self._apply_spend_between_turns(now)
        self._pass_barriers()
        if self.turn_is_over:
            return True
        if self._unfinished is not None:
            return self._go_on_with(self._unfinished, now)
        topic = self._next_topic()
        if topic is None:
            return False
        self._apply_run(topic, now)
        return True

    def _is_full(self) -> bool:
        """Whether nothing more is decided before the next flush is committed."""
        state = self._state
        return (
            self._outbox.size > _OUTBOX_BYTES
            or len(state.commands) > _MESSAGES
            or len(state.alerts) > _MESSAGES
            or len(state.spend_events) > _MESSAGES
        )

    def _pass_barriers(self) -> None:
        if self._barriers.take_reached(Topic.CATALOG):
            self._catalog_complete_below = self._read_before_barrier
            self._awaiting_catalog.clear()
        if self._barriers.take_reached(Topic.SPEND_EVENTS):
            self._spend_complete_below = self._read_before_spend_barrier
            self._held_seconds = time.monotonic() - self._awaiting_since
            self._releasing = _in_reverse([it for it in self._awaiting_spend if it[1].pending_resume is it[2]])
            self._awaiting_spend = []
        self._release()
        # After the release: resumes that became pending meanwhile are a batch of their own, and at once, because
        # everything but spend waits for it and no record may follow.
        if self._state.pending_resumes and not self._releasing and Topic.SPEND_EVENTS not in self._barriers:
            self._begin_batch()
            self._release()

    def _begin_batch(self) -> None:
        """Release all pending resumes, at once where their causes were read before the last barrier was raised, else
        behind a new one: at a midnight or of a first catalog a question to the broker would come after each turn."""
        pending = [(b, c, c.pending_resume) for b, c in self._state.pending_resumes.values() if c.pending_resume]
        self._batches_of_resumes += 1
        if all(self._is_covered(_TOPIC_OF_CAUSE[it.cause.kind], it.cause.offset) for _, _, it in pending):
            self._held_seconds = 0.0
            self._releasing = _in_reverse(pending)
            return
        self._awaiting_since = time.monotonic()
        self._awaiting_spend = pending
        self._read_before_spend_barrier = {topic: self._inbox.read_up_to(topic) for topic in INPUTS}
        self._barriers.raise_at_end(Topic.SPEND_EVENTS)

    def _is_covered(self, topic: Topic, offset: int) -> bool:
        """Whether all spend is counted that was on its topic when this record was read."""
        return offset < self._spend_complete_below.get(topic, 0)

    def _release(self) -> None:
        """Emit resumes whose barrier is reached, for the length of a turn."""
        if self.waits_for_flush:
            return
        turn_ends_at = time.monotonic() + TURN_SECONDS
        while self._releasing:
            brand, campaign, pending = self._releasing.pop()
            if campaign.pending_resume is pending:  # or else spend of a turn before has paused it
                worker_metrics.RESUME_HELD.observe(self._held_seconds)
                if failed := release_resume(self._state, brand, campaign):
                    cause, failure = failed
                    self._applier.note_undecidable(cause.topic, cause.offset, failure)
            if self._releasing and time.monotonic() > turn_ends_at:
                self._end_turn()
                return

    def _go_on_with(self, topic: Topic, now: Moment) -> bool:
        """Apply spend that came meanwhile, of which a brand that is still due rolls over by its own, and then go on.
        False where neither is possible now."""
        applied = self._apply_spend_between_turns(now)
        if self.waits_for_flush:
            return applied > 0
        self._apply_run(topic, now)
        return True

    def _apply_spend_between_turns(self, now: Moment) -> int:
        may_apply = Topic.SPEND_EVENTS not in self._awaiting_catalog and not self._inbox.behind()
        return self._apply_run(Topic.SPEND_EVENTS, now) if may_apply else 0

    def _end_turn(self) -> None:
        self.turn_is_over = True
        self.turns += 1

    def _next_topic(self) -> Topic | None:
        """The topic to take a record from, or None while all that is at hand must wait."""
        if self._inbox.behind():
            return None
        candidates = set(INPUTS)
        if self._state.pending_resumes and not self._precedes_resumes(self._inbox.next_topic(INPUTS)):
            candidates = {Topic.SPEND_EVENTS}
        if self._awaiting_catalog:
            # Nothing may keep the catalog from answering whether the brand exists.
            candidates = (candidates - self._awaiting_catalog) | {Topic.CATALOG}
        return self._inbox.next_topic(candidates)

    def _precedes_resumes(self, topic: Topic | None) -> bool:
        """Whether the topic's first record is a document that may be applied while resumes are pending.

        The first state of a campaign mostly is such a resume. With a barrier for each of them a catalog of a million
        campaigns takes minutes; so all that are at hand are applied, and one barrier is for all.
        """
        if topic is not Topic.CATALOG:
            return False
        return self._applier.leaves_pending_resumes(next(self._inbox.queued(topic)))

    def _spend_limit(self) -> tuple[Moment, int] | None:
        """Arrival and order of the record whose turn comes before later spend; None where all spend may be applied."""
        others = [topic for topic in INPUTS if topic is not Topic.SPEND_EVENTS]
        if self._state.pending_resumes and not self._precedes_resumes(self._inbox.next_topic(others)):
            return None
        return self._inbox.lowest_arrival_besides(Topic.SPEND_EVENTS, applying=self._unfinished)

    def _apply_run(self, topic: Topic, now: Moment) -> int:
        """Apply records of one topic up to where another's turn comes, or let the topic wait for the catalog; returns
        how many."""
        if topic is Topic.SPEND_EVENTS:
            count = self._apply_spend(now)
        elif topic is Topic.CATALOG:
            count = self._apply_documents(now)
        else:
            count = self._apply_first(topic, now)
        worker_metrics.APPLIED.labels(topic).inc(count)
        return count

    def _apply_documents(self, now: Moment) -> int:
        """The first document, and those after it whose turn comes before any other record's, for the length of a
        turn."""
        until = self._inbox.lowest_arrival_besides(Topic.CATALOG)
        turn_ends_at = time.monotonic() + TURN_SECONDS
        count = 0
        try:
            for record in self._inbox.queued(Topic.CATALOG):
                if count and not self._goes_on_with(record, until):
                    break
                self._applier.apply(Topic.CATALOG, record, now)
                count += 1
                if time.monotonic() > turn_ends_at:
                    self._end_turn()
                    break
        finally:
            self._inbox.drop(Topic.CATALOG, count)
        return count

    def _goes_on_with(self, document: ConsumerRecord, until: tuple[Moment, int] | None) -> bool:
        """Whether a document is applied right after another: not where a barrier may be reached or is to be raised."""
        if self._awaiting_catalog or (until is not None and document.timestamp > until[0]):
            return False
        if not self._state.pending_resumes:
            return True
        if Topic.SPEND_EVENTS not in self._barriers and not self._is_covered(Topic.CATALOG, document.offset):
            return False
        return self._applier.leaves_pending_resumes(document)

    def _apply_first(self, topic: Topic, now: Moment) -> int:
        record = next(self._inbox.queued(topic))
        catalog_complete = record.offset < self._catalog_complete_below.get(topic, 0)
        if not self._applier.apply(topic, record, now, catalog_complete=catalog_complete):
            self._await_catalog(topic)
            return 0
        if self._applier.unfinished:
            self._unfinished = topic
            self._end_turn()
            return 0
        self._unfinished = None
        self._inbox.drop(topic, 1)
        return 1

    def _apply_spend(self, now: Moment) -> int:
        """The hot loop: spend up to the arrival at which another topic's record goes first."""
        until = self._spend_limit()
        spend, complete_below = self._applier.spend, self._catalog_complete_below.get(Topic.SPEND_EVENTS, 0)
        pending, pending_before = self._state.pending_resumes, len(self._state.pending_resumes)
        count = 0
        try:
            for record in self._inbox.queued(Topic.SPEND_EVENTS):
                if until is not None and (record.timestamp, _SPEND_ORDER) > until:
                    break
                if not spend(record, now, record.offset < complete_below):
                    self._await_catalog(Topic.SPEND_EVENTS)
                    break
                count += 1
                if len(pending) != pending_before:
                    break
        finally:
            self._inbox.drop(Topic.SPEND_EVENTS, count)
        return count

    def _await_catalog(self, topic: Topic) -> None:
        """Let the topic's first record wait until the catalog is applied up to its end as of now."""
        self._awaiting_catalog.add(topic)
        if Topic.CATALOG not in self._barriers:
            self._read_before_barrier = {topic: self._inbox.read_up_to(topic) for topic in INPUTS}
            self._barriers.raise_at_end(Topic.CATALOG)


def _in_reverse(resumes: list[_Resume]) -> list[_Resume]:
    """Sorted in the reverse of the order in which `release_resumes` emits them, which every run repeats."""
    return sorted(resumes, key=lambda it: (it[0].brand_id, it[1].campaign_id), reverse=True)
