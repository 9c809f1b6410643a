"""Feeds a history to the core as the worker does: decides, flushes, is killed and restored."""

from dataclasses import asdict, dataclass, field

import msgspec

from streams.core.correction import Correction, read_correction
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
    release_resumes,
)
from streams.core.duplicates import DuplicateWindow
from streams.core.moment import parse_moment
from streams.core.records import ControlCommand
from streams.core.refusal import Refusal
from streams.core.spend import Spend, read_spend
from streams.core.state import Origin, PartitionState
from streams.core.storage import changes, restore
from tests.simulation.history import Mark, Record, Step

PARTITION = 3
encode = msgspec.json.Encoder().encode


def new_state() -> PartitionState:
    return PartitionState(PARTITION, DuplicateWindow(1_000_000))


@dataclass
class Engine:
    kills: bool = True
    state: PartitionState = field(default_factory=new_state)
    told: list[bytes] = field(default_factory=list)
    stored: dict[bytes, bytes] = field(default_factory=dict)
    _unflushed: list[Step] = field(default_factory=list)
    _flushed: int = 0  # how many commands have been

    def run(self, steps: list[Step]) -> list[bytes]:
        """All commands of a history, as bytes."""
        for step in steps:
            self.take(step)
        return self.told

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
                verdict = _apply(self.state, step)
        commands = self.state.commands[:]
        self.state.commands.clear()
        self.told += map(encode, commands)
        return verdict, commands

    def _flush(self) -> None:
        for key, value in changes(self.state, {}, {}):
            if value is None:
                del self.stored[key]
            else:
                self.stored[key] = value
        self._unflushed.clear()
        self._flushed = len(self.told)

    def _kill(self) -> None:
        """Nothing since the last flush was written; the same records come again and must make the same commands."""
        lost, before = self.told[self._flushed :], _picture(self.state)
        # A compacted topic keeps keys in no order of ours.
        entries = sorted(((key.decode(), value) for key, value in self.stored.items()), key=lambda it: it[1])
        self.state = new_state()
        restore(self.state, entries)
        for step in self._unflushed:
            _apply(self.state, step)
        assert list(map(encode, self.state.commands)) == lost
        assert _picture(self.state) == before
        self.state.commands.clear()


def _picture(state: PartitionState) -> tuple[object, ...]:
    """All that decisions depend on; what waits for the next flush is left out."""
    brands = {brand_id: asdict(brand) for brand_id, brand in state.brands.items()}
    for brand in brands.values():
        for part in (brand, *brand["campaigns"].values()):
            del part["dirty"]
    return state.clock, brands, sorted(state.awaiting), state.duplicates.seen


def _apply(state: PartitionState, step: Step) -> Verdict | Refusal | None:
    if not isinstance(step, Record):
        release_resumes(state, state.awaiting.values())
        return None
    origin = Origin(step.topic, step.offset, step.arrival)
    match step.topic:
        case "spend-events":
            spend = read_spend(step.value)
            assert isinstance(spend, Spend), spend
            return decide_spend(state, spend, origin.topic, origin.offset, origin.arrival)
        case "spend-corrections":
            correction = read_correction(step.value)
            assert isinstance(correction, Correction), correction
            return decide_correction(state, correction, origin)
        case "catalog" if step.campaign_id:
            return decide_campaign(state, step.brand_id, step.campaign_id, step.value, origin)
        case "catalog":
            return decide_brand(state, step.brand_id, step.value, origin)
        case "dayparting-ticks":
            decide_tick(state, Tick(_due_at(step)), origin)
        case "budget-resets":
            decide_reset(state, Reset(msgspec.json.decode(step.value)["time_zone"], _due_at(step)), origin)
    return None


def _due_at(step: Record) -> int:
    return parse_moment(msgspec.json.decode(step.value)["due_at"])
