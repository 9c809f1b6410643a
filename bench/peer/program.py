"""A peer as a program on the worker's core, and the figures of what it printed of its progress."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench.machine import WORKER_CORE
from core.errors import SpendgateError
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["Drained", "PeerFailed", "drained", "said"]

#: For a download of a gigabyte.
_PATIENCE_SECONDS: Final = 1_800
#: The slowest with all events, Quix Streams, takes 100 s for 2,000,000 of 1,000 brands on a quiet machine.
_PATIENCE_OF_RUN_SECONDS: Final = 600


class PeerFailed(SpendgateError):
    """A peer's program ended with an error, or did not end."""


class _Moment(NamedTuple):
    """When a count of events was reached: seconds of the clock and of the processor since the program's start."""

    clock: float
    cpu: float


class Drained(NamedTuple):
    figures: dict[str, float]
    sums: list[str]  # the lines of the totals


def drained(
    command: Sequence[str], folder: Path, settings: Settings, events: int, state: str, commands: str
) -> Drained:
    """What the program that `command` starts makes of the spend events, with its files in the folder. `state` says how
    it keeps its state, where it has a choice; its pauses go to the topic `commands`, which is its name too."""
    totals = folder / "totals.tsv"
    arguments = [
        commands,
        settings.brokers,
        state,
        settings.topic(Topic.SPEND_EVENTS),
        settings.topic(Topic.CATALOG),
        commands,
        str(events),
        str(folder / "state"),
        str(totals),
        str(settings.partitions),
    ]
    return Drained(_figures_of_run([*command, *arguments], events), totals.read_text().splitlines())


def said(command: Sequence[str], patience_seconds: float = _PATIENCE_SECONDS) -> str:
    """What it prints. What it says of errors is passed on only if it fails."""
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=patience_seconds)
    except subprocess.TimeoutExpired as error:
        raise PeerFailed(f"not done in {patience_seconds:g} s") from error
    if ended.returncode:
        print(ended.stderr[-4000:], file=sys.stderr)
        last = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise PeerFailed(f"exit code {ended.returncode}: {last[:200]}")
    return ended.stdout


def _figures_of_run(command: Sequence[str], events: int) -> dict[str, float]:
    """Run it to its end. It prints `moment COUNT CLOCK CPU`, in nanoseconds, at the first event, half-way and at the
    last."""
    command = ["taskset", "-c", str(WORKER_CORE), *command]
    return _figures(_moments(said(command, _PATIENCE_OF_RUN_SECONDS)), events)


def _figures(moments: dict[int, _Moment], events: int) -> dict[str, float]:
    """From the first event to the last, with the start of the program in its CPU seconds; and of the second half."""
    first, middle, last = (moments[count] for count in (1, events // 2, events))
    cold = {
        "events_per_second": round((events - 1) / (last.clock - first.clock)),
        "cpu_seconds_per_million": round(last.cpu / events * 1_000_000, 2),
    }
    if last.clock - middle.clock < (last.clock - first.clock) / 20:
        return cold  # it has both halves at once, as Pathway does with all that it has read
    return {
        **cold,
        "warm_events_per_second": round((events - events // 2) / (last.clock - middle.clock)),
        "warm_cpu_seconds_per_million": round((last.cpu - middle.cpu) / (events - events // 2) * 1_000_000, 2),
    }


def _moments(text: str) -> dict[int, _Moment]:
    lines = [line.split() for line in text.splitlines() if line.startswith("moment ")]
    return {int(count): _Moment(int(clock) / 1e9, int(cpu) / 1e9) for _, count, clock, cpu in lines}
