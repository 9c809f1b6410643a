"""What the core takes for a spend event, in this process: time, bytecodes, and bytes of state. See `--help`.

Time is told by that of the same sums in plain Python, as a ratio that holds on any machine. Bytecodes are counted, so
that they are the same in each run; what C does, such as parsing JSON, is not among them.
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Final, NamedTuple

from bench.load import BRANDS, brand_id, documents, event
from core.decide import decide_spend
from core.decide_catalog import decide_brand, decide_campaign
from core.duplicates import DuplicateWindow
from core.emission import release_resumes
from core.moment import Moment
from core.money import MICROS
from core.spend import Spend, read_spend
from core.state import Origin, PartitionState
from core.state_changes import take_changes
from core.verdict import Verdict

__all__ = ["CoreCost", "StateBytes", "measure", "state_bytes"]

_ROUNDS: Final = 40
#: A moment like any other; nothing here depends on which.
_AT: Final[Moment] = 1_800_000_000_000


class CoreCost(NamedTuple):
    time: float  # of reading, deciding and taking the records of a flush, by that of the plain sums
    bytecodes: float  # of one event


class StateBytes(NamedTuple):
    """Keys and values that a flush writes to `controller-state`."""

    brand: int  # with its one campaign
    event_id: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench core_cost", description=__doc__)
    parser.add_argument("--repeat", type=int, default=10)
    runs = [measure()._asdict() for _ in range(parser.parse_args().repeat)]
    print(
        json.dumps({"python": sys.version.split()[0], "state_bytes": state_bytes()._asdict(), "runs": runs}, indent=2)
    )


def measure() -> CoreCost:
    """Flushes of BRANDS events, one of each brand; of many that take turns, the quickest ones."""
    state, sums = _state(), dict[str, list[int]]()
    rounds = [_events(number) for number in range(_ROUNDS + 1)]
    ours, plain = [], []
    for values in rounds[:-1]:
        ours.append(_seconds(lambda: _decide(state, values)))  # noqa: B023
        plain.append(_seconds(lambda: _add(sums, values)))  # noqa: B023
    return CoreCost(round(min(ours) / min(plain), 3), _bytecodes(lambda: _decide(state, rounds[-1])) / BRANDS)


def state_bytes() -> StateBytes:
    """Of one flush in which each of BRANDS brands has an event."""
    records = {key: len(key) + len(value or b"") for key, value in _decide(_state(), _events(0))}
    brands = [size for key, size in records.items() if key.startswith(b"brand/")]
    seen = sum(size for key, size in records.items() if key.startswith(b"seen/"))
    assert len(brands) == BRANDS
    return StateBytes(round(sum(brands) / BRANDS), round(seen / BRANDS, 1))


def _state() -> PartitionState:
    """That of a partition with BRANDS brands whose first states are told."""
    state = PartitionState(0, DuplicateWindow(1_000_000))
    origin = Origin("catalog", 0, _AT)
    for number in range(BRANDS):
        (_, brand), (_, campaign) = documents(number, None)
        decide_brand(state, brand_id(number), brand, origin)
        decide_campaign(state, brand_id(number), f"{brand_id(number)}-c", campaign, origin)
    release_resumes(state, list(state.pending_resumes.values()))
    state.commands.clear()
    take_changes(state, {}, {})
    return state


def _events(number: int) -> list[bytes]:
    return [event(f"event-{number}-{it}", it) for it in range(BRANDS)]


def _decide(state: PartitionState, values: Sequence[bytes]) -> list[tuple[bytes, bytes | None]]:
    for offset, value in enumerate(values):
        spend = read_spend(value)
        assert isinstance(spend, Spend)
        verdict = decide_spend(state, spend, "spend-events", offset, _AT)
        assert verdict is Verdict.COUNTED
    return take_changes(state, {}, {})


def _add(sums: dict[str, list[int]], values: Sequence[bytes]) -> None:
    for value in values:
        spend = json.loads(value)
        whole, _, fraction = spend["amount"].partition(".")
        micros = int(whole) * MICROS + int(fraction.ljust(6, "0"))
        for name in (spend["brand_id"], f"{spend['brand_id']}/{spend['campaign_id']}"):
            held = sums.setdefault(name, [0, 0])
            held[0] += micros
            held[1] += micros


def _seconds(work: Callable[[], object]) -> float:
    """Of the processor."""
    gc.collect()
    gc.disable()
    try:
        began = time.process_time_ns()
        work()
        return (time.process_time_ns() - began) / 1e9
    finally:
        gc.enable()


def _bytecodes(work: Callable[[], object]) -> int:
    count = 0

    def trace(frame: FrameType, kind: str, argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += kind == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


if __name__ == "__main__":
    main()
