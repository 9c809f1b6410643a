"""Decides again on the spend of a brand, under a catalog that need not be the one it was decided by, and compares two
such runs (docs/contract.md, "What-if").

A run begins with documents and opening balances, and is then given spend in the order of its arrival. Ticks are due on
each whole minute, as the scheduler's are; only those at which something begins or ends are carried out. A resume waits
for nothing, because all spend that came before its cause was given before.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from core.acceptance import FOREVER, Tolerance
from core.budget import book_on, book_opening_balance
from core.decide import decide_spend
from core.decide_catalog import decide_brand, decide_campaign
from core.decide_time import Tick, decide_tick
from core.duplicates import DuplicateWindow
from core.emission import release_resumes
from core.moment import MINUTE, NEVER, Moment, parse_moment
from core.records import Action
from core.refresh import refresh_brand_budgets
from core.refusal import Refusal
from core.spend import Spend
from core.state import Origin, PartitionState

__all__ = ["DecidedCommand", "DifferingStretch", "OpeningSpend", "Rerun", "TwoRuns", "start_rerun"]

_NOWHERE: Final = ""
#: Ids are remembered for so many events: the ledger has each of them once.
_REMEMBERED: Final = 20_000


class OpeningSpend(NamedTuple):
    """Net spend of a campaign, booked to a day, that had arrived before the run begins."""

    campaign_id: str
    booked_on: date
    micros: int


class DecidedCommand(NamedTuple):
    """A command that would be sent."""

    decided_at: Moment
    campaign_id: str
    action: Action
    reasons: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Rerun:
    """One brand's state in a run. `decided` are the commands decided since they were last taken."""

    state: PartitionState
    brand_id: str
    next_boundary_at: Moment = NEVER
    decided: list[DecidedCommand] = field(default_factory=list)
    count: int = 0

    def actions(self) -> dict[str, Action | None]:
        """The last action sent to each campaign of the catalog, by campaign_id; None where nothing was sent."""
        campaigns = self.state.brands[self.brand_id].campaigns.values()
        return {it.campaign_id: it.last_action for it in campaigns if it.config is not None}

    def advance(self, moment: Moment) -> None:
        """Carry out the ticks until and with `moment`."""
        while self.next_boundary_at <= moment:
            due_at = -(-self.next_boundary_at // MINUTE) * MINUTE
            if due_at > moment:
                return
            failed = decide_tick(self.state, Tick(due_at), Origin(_NOWHERE, 0, due_at))
            if failed:
                raise failed[0]
            self.collect()

    def spend(self, spend: Spend, arrival: Moment) -> Refusal | None:
        """Count one event of the brand. Returns why it is refused, if it is."""
        state = self.state
        verdict = decide_spend(state, spend, _NOWHERE, 0, arrival)
        self.count += 1
        if self.count % _REMEMBERED == 0:
            state.duplicates = DuplicateWindow(1)
        if state.pending_resumes or state.commands:
            self.collect()
        else:
            self.next_boundary_at = state.brands[self.brand_id].next_boundary_at
        return verdict if isinstance(verdict, Refusal) else None

    def take_decided(self) -> list[DecidedCommand]:
        """Return the commands decided since the last call."""
        taken, self.decided = self.decided, []
        return taken

    def collect(self) -> None:
        """Release resumes, and keep what was decided."""
        state = self.state
        failed = release_resumes(state, list(state.pending_resumes.values()))
        if failed:
            raise failed[0][1]
        self.decided += (
            DecidedCommand(parse_moment(it.decided_at), it.campaign_id, it.action, tuple(it.reasons))
            for it in state.commands
        )
        state.commands.clear()
        state.alerts.clear()
        self.next_boundary_at = state.brands[self.brand_id].next_boundary_at


def start_rerun(
    brand_id: str,
    brand_document: bytes,
    campaign_documents: Mapping[str, bytes],
    openings: Iterable[OpeningSpend],
    starts_at: Moment,
) -> Rerun | Refusal:
    """A run as of `starts_at`; its `decided` are the first states of its campaigns. Returns why the brand's document is
    refused, if it is."""
    state = PartitionState(0, DuplicateWindow(1), tolerance=Tolerance(FOREVER), guarded={brand_id})
    origin = Origin(_NOWHERE, 0, starts_at)
    state.clock = starts_at
    verdict = decide_brand(state, brand_id, brand_document, origin)
    if isinstance(verdict, Refusal):
        return verdict
    brand = state.brand(brand_id)
    for it in openings:
        campaign = brand.campaign(it.campaign_id)
        book_on(brand, campaign, it.micros, it.booked_on)
        book_opening_balance(brand, it.micros, it.booked_on)
        brand.has_spend = True
    refresh_brand_budgets(brand)
    for campaign_id, document in campaign_documents.items():
        decide_campaign(state, brand_id, campaign_id, document, origin)
    run = Rerun(state, brand_id)
    run.collect()
    return run


@dataclass(slots=True)
class DifferingStretch:
    """A time in which the two runs differ about a campaign, and the net spend that arrived in it. An action of None is
    that of a campaign which one of the catalogs does not have."""

    campaign_id: str
    starts_at: Moment
    ends_at: Moment
    now: Action | None
    then: Action | None
    micros: int = 0
    events: int = 0


class TwoRuns:
    """The same spend decided by two catalogs, `now` and `then`."""

    def __init__(self, now: Rerun, then: Rerun, starts_at: Moment) -> None:
        self._now, self._then = now, then
        self._open: dict[str, DifferingStretch] = {}
        self.stretches: list[DifferingStretch] = []
        #: Commands of one run that the other has not, and how many each has; first states are none.
        self.only_now: Counter[DecidedCommand] = Counter()
        self.only_then: Counter[DecidedCommand] = Counter()
        self.commands_now: Counter[str] = Counter()
        self.commands_then: Counter[str] = Counter()
        for run in (now, then):
            run.take_decided()
        self._actions_now, self._actions_then = now.actions(), then.actions()
        for campaign_id in self._actions_now.keys() | self._actions_then.keys():
            self._compare(campaign_id, starts_at)

    def spend(self, spend: Spend, arrival: Moment) -> None:
        """Give one event of the brand to both runs; events come in the order of their arrival."""
        now, then = self._now, self._then
        if now.next_boundary_at <= arrival or then.next_boundary_at <= arrival:
            self._advance(arrival)
        if self._open and spend.campaign_id in self._open:
            stretch = self._open[spend.campaign_id]
            stretch.micros += spend.amount_micros
            stretch.events += 1
        now.spend(spend, arrival)
        then.spend(spend, arrival)
        if now.decided or then.decided:
            self._note()

    def end(self, ends_at: Moment) -> None:
        """End both runs: nothing more arrives until `ends_at`."""
        self._advance(ends_at - 1)
        for stretch in self._open.values():
            self._close(stretch, ends_at)
        self._open.clear()
        self.stretches.sort(key=lambda it: (it.campaign_id, it.starts_at))

    def _advance(self, moment: Moment) -> None:
        self._now.advance(moment)
        self._then.advance(moment)
        self._note()

    def _note(self) -> None:
        """Compare after all commands of the same moment, whichever run has decided them first."""
        now, then = self._now.take_decided(), self._then.take_decided()
        self.commands_now.update(it.campaign_id for it in now)
        self.commands_then.update(it.campaign_id for it in then)
        of_now, of_then = Counter(now), Counter(then)
        self.only_now += of_now - of_then
        self.only_then += of_then - of_now
        in_order = sorted([*((it, True) for it in now), *((it, False) for it in then)], key=lambda it: it[0].decided_at)
        at = None
        changed: set[str] = set()
        for decided, is_now in in_order:
            if at is not None and decided.decided_at != at:
                self._compare_all(changed, at)
            at = decided.decided_at
            (self._actions_now if is_now else self._actions_then)[decided.campaign_id] = decided.action
            changed.add(decided.campaign_id)
        if at is not None:
            self._compare_all(changed, at)

    def _compare_all(self, campaign_ids: set[str], at: Moment) -> None:
        for campaign_id in sorted(campaign_ids):
            self._compare(campaign_id, at)
        campaign_ids.clear()

    def _compare(self, campaign_id: str, at: Moment) -> None:
        now, then = self._actions_now.get(campaign_id), self._actions_then.get(campaign_id)
        stretch = self._open.get(campaign_id)
        if stretch is not None:
            if (stretch.now, stretch.then) == (now, then):
                return
            self._close(self._open.pop(campaign_id), at)
        if now is not then:
            self._open[campaign_id] = DifferingStretch(campaign_id, at, at, now, then)

    def _close(self, stretch: DifferingStretch, at: Moment) -> None:
        stretch.ends_at = at
        if stretch.starts_at < at:
            self.stretches.append(stretch)
