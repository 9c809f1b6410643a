"""What the core takes for a spend event, in this process: time, bytecodes, and bytes of state. See `--help`.

The time of each part is told by that of the plainest Python for it, as a ratio that holds on any machine; parts,
because what makes one of them costlier is little of the whole. Bytecodes are counted, so that they are the same in each
run; what C does, such as parsing JSON, is not among them.
"""

import argparse
import gc
import itertools
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any, Final, NamedTuple

from bench.load import BRANDS, brand_id, documents, event
from core.decide import decide_spend
from core.decide_catalog import decide_brand, decide_campaign
from core.duplicates import DuplicateWindow
from core.emission import release_resumes
from core.moment import Moment
from core.money import MICROS, parse_money
from core.spend import Spend, read_spend
from core.state import Origin, PartitionState
from core.state_changes import take_changes
from core.verdict import Verdict

__all__ = ["CoreCost", "StateBytes", "measure", "state_bytes"]

_ROUNDS: Final = 15
#: A moment like any other; nothing here depends on which.
_AT: Final[Moment] = 1_800_000_000_000


class CoreCost(NamedTuple):
    amounts: float  # the time of parsing amounts
    reading: float  # of reading events, amounts included
    deciding: float  # of deciding on them and taking the records of a flush
    bytecodes: float  # of one event, all of it


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
    """Flushes of BRANDS events, one of each brand; of many that take turns with the plain ones, the quickest."""
    state, sums = _state(), dict[str, list[int]]()
    ratios: list[list[tuple[float, float]]] = [[], [], []]
    for _ in range(_ROUNDS):
        amounts, values = _amounts(), _events()
        spends = [_read(value) for value in _events()]
        plain = [json.loads(value) for value in values]
        for times, ours, theirs in (
            (ratios[0], partial(_each, parse_money, amounts), partial(_each, _micros, amounts)),
            (ratios[1], partial(_each, _read, values), partial(_each, json.loads, values)),
            (ratios[2], partial(_decide, state, spends), partial(_add, sums, plain)),
        ):
            times.append((_seconds(ours), _seconds(theirs)))
    quickest = [min(ours for ours, _ in times) / min(theirs for _, theirs in times) for times in ratios]
    values = _events()
    bytecodes = _bytecodes(lambda: _decide(state, [_read(value) for value in values])) / BRANDS
    return CoreCost(*(round(ratio, 3) for ratio in quickest), bytecodes)


def state_bytes() -> StateBytes:
    """Of one flush in which each of BRANDS brands has an event."""
    spends = [_read(event(f"event-{number}", number)) for number in range(BRANDS)]
    records = {key: len(key) + len(value or b"") for key, value in _decide(_state(), spends)}
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


_numbers: Final = itertools.count(1)


def _amounts() -> list[str]:
    """That were not parsed before, since those that were are remembered."""
    return [f"{number // MICROS}.{number % MICROS:06d}" for number in itertools.islice(_numbers, BRANDS)]


def _events() -> list[bytes]:
    return [event(f"event-{amount}", number, amount) for number, amount in enumerate(_amounts())]


def _each(work: Callable[[Any], object], values: Sequence[object]) -> None:
    for value in values:
        work(value)


def _read(value: bytes) -> Spend:
    spend = read_spend(value)
    assert isinstance(spend, Spend)
    return spend


def _decide(state: PartitionState, spends: Sequence[Spend]) -> list[tuple[bytes, bytes | None]]:
    for offset, spend in enumerate(spends):
        verdict = decide_spend(state, spend, "spend-events", offset, _AT)
        assert verdict is Verdict.COUNTED
    return take_changes(state, {}, {})


def _micros(amount: str) -> int:
    whole, _, fraction = amount.partition(".")
    return int(whole) * MICROS + int(fraction.ljust(6, "0"))


def _add(sums: dict[str, list[int]], spends: Sequence[dict[str, str]]) -> None:
    for spend in spends:
        micros = _micros(spend["amount"])
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
