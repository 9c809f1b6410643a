"""Feeds a history to the core as the worker does: decides, flushes, is killed and restored."""

from copy import copy
from dataclasses import dataclass, field
from typing import Any

import msgspec

from core.correction import Correction, read_correction
from core.decide import decide_correction, decide_spend
from core.decide_catalog import decide_brand, decide_campaign
from core.decide_snapshot import decide_snapshot
from core.decide_time import Reset, Tick, decide_tick
from core.duplicates import DuplicateWindow
from core.emission import release_resumes
from core.guard import Undecidable, attempt
from core.moment import parse_moment
from core.records import ControlCommand
from core.refusal import Refusal
from core.snapshot import Snapshot, read_snapshot
from core.spend import Spend, read_spend
from core.state import BrandState, CampaignState, Origin, PartitionState
from core.state_changes import take_changes
from core.state_restore import restore
from core.verdict import Verdict
from tests.core.scenario import decide_reset
from tests.simulation.history import Mark, Record, Step

PARTITION = 3
encode = msgspec.json.Encoder().encode


def new_state() -> PartitionState:
    return PartitionState(PARTITION, DuplicateWindow(1_000_000))


@dataclass
class Engine:
    kills: bool = True
    #: Whether the state after a kill is compared with that before, which takes 0.3 ms of CPU a brand.
    compares: bool = True
    kills_taken: int = 0
    state: PartitionState = field(default_factory=new_state)
    commands: list[bytes] = field(default_factory=list)  # and alerts
    stored: dict[bytes, bytes] = field(default_factory=dict)
    _unflushed: list[Step] = field(default_factory=list)
    _flushed: int = 0  # how many commands have been

    def run(self, steps: list[Step]) -> list[bytes]:
        """All commands and alerts of a history, as bytes."""
        for step in steps:
            self.take(step)
        return self.commands

    def take(self, step: Step) -> tuple[Verdict | Refusal | None, list[ControlCommand]]:
        """One step: what became of it, and the commands that it made."""
        verdict = None
        match step:
            case Mark.FLUSH:
                self._flush()
            case Mark.KILL:
                if self.kills:
                    self._kill()
            case _:
                self._unflushed.append(step)
                verdict = self._apply(step)
        commands = self.state.commands[:]
        self.commands += take_messages(self.state)
        return verdict, commands

    def _apply(self, step: Step) -> Verdict | Refusal | None:
        verdict = apply(self.state, step)
        for spend in take_derived_spend(self.state, step):
            apply(self.state, spend)
        return verdict

    def _flush(self) -> None:
        for key, value in take_changes(self.state, {}, {}):
            if value is None:
                self.stored.pop(key, None)  # what came and went between two flushes has none
            else:
                self.stored[key] = value
        self._unflushed.clear()
        self._flushed = len(self.commands)

    def _kill(self) -> None:
        """Nothing since the last flush was written; the same records come again and must make the same commands."""
        self.kills_taken += 1
        lost, before = self.commands[self._flushed :], self._picture()
        # A compacted topic keeps keys in no order of ours.
        entries = sorted(((key.decode(), value) for key, value in self.stored.items()), key=lambda it: it[1])
        self.state = new_state()
        restore(self.state, entries)
        again: list[bytes] = []
        for step in self._unflushed:
            self._apply(step)
            again += take_messages(self.state)
        assert again == lost
        assert self._picture() == before

    def _picture(self) -> tuple[object, ...]:
        return picture_of(self.state) if self.compares else ()


def take_messages(state: PartitionState) -> list[bytes]:
    """The commands and alerts of the last decision."""
    messages = [encode(it) for it in (*state.commands, *state.alerts)]
    state.commands.clear()
    state.alerts.clear()
    return messages


def take_derived_spend(state: PartitionState, step: Step) -> list[Record]:
    """The spend that a total of a platform was turned into, as it is read back."""
    events, state.spend_events = state.spend_events, []
    offset = step.offset if isinstance(step, Record) else 0
    return [
        Record("spend-events", event.brand_id, event.campaign_id, encode(event), arrival, offset)
        for event, arrival in events
    ]


def picture_of(state: PartitionState) -> tuple[object, ...]:
    """All that decisions depend on; what waits for the next flush is left out."""
    brands = {
        brand_id: {**values_of(brand), "campaigns": {it.campaign_id: values_of(it) for it in brand.campaigns.values()}}
        for brand_id, brand in state.brands.items()
    }
    for brand in brands.values():
        for part in (brand, *brand["campaigns"].values()):
            del part["dirty"]
        del brand["silence_check_at"]  # how early to ask, and not what the answer is
    thresholds = {brand_id: dict(held) for brand_id, held in state.thresholds.items() if held}
    costs = {brand_id: {day: dict(of) for day, of in held.items() if of} for brand_id, held in state.costs.items()}
    costs = {brand_id: held for brand_id, held in costs.items() if held}
    return state.clock, brands, sorted(state.pending_resumes), state.duplicates.seen, thresholds, costs


def values_of(state: BrandState | CampaignState) -> dict[str, Any]:
    """Its fields. All but these two hold values that cannot change, and to copy each of them takes half of a test."""
    values = {name: getattr(state, name) for name in state.__slots__}
    return {**values, **{name: copy(values[name]) for name in ("future_spend", "pause") if values.get(name)}}


def apply(state: PartitionState, step: Step, failures: list[Undecidable] | None = None) -> Verdict | Refusal | None:
    """Decide; what a tick, reset or release tells of brands that failed is added to `failures`."""
    failed = [] if failures is None else failures
    if not isinstance(step, Record):
        failed += [failure for _, failure in release_resumes(state, state.pending_resumes.values())]
        return None
    origin = Origin(step.topic, step.offset, step.arrival)
    match step.topic:
        case "spend-events":
            spend = read_spend(step.value)
            assert isinstance(spend, Spend), spend
            return attempt(
                state, spend.brand_id, decide_spend, state, spend, origin.topic, origin.offset, origin.arrival
            )
        case "spend-snapshots":
            total = read_snapshot(step.value)
            assert isinstance(total, Snapshot), total
            return attempt(state, total.brand_id, decide_snapshot, state, total, origin.arrival)
        case "spend-corrections":
            correction = read_correction(step.value)
            assert isinstance(correction, Correction), correction
            return attempt(state, correction.brand_id, decide_correction, state, correction, origin)
        case "catalog" if step.campaign_id:
            named = step.brand_id, step.campaign_id
            return attempt(state, step.brand_id, decide_campaign, state, *named, step.value, origin)
        case "catalog":
            return attempt(state, step.brand_id, decide_brand, state, step.brand_id, step.value, origin)
        case "dayparting-ticks":
            failed += decide_tick(state, Tick(_due_at(step)), origin)
        case "budget-resets":
            failed += decide_reset(state, Reset(msgspec.json.decode(step.value)["time_zone"], _due_at(step)), origin)
    return None


def _due_at(step: Record) -> int:
    return parse_moment(msgspec.json.decode(step.value)["due_at"])
