"""A peer in Java: compiled, run on the worker's core, and what it printed of its progress."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench.machine import WORKER_CORE
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["Drained", "drain_by", "javac"]

_HERE: Final = Path(__file__).parent


class Moment(NamedTuple):
    """When a count of events was reached: seconds of the clock and of the processor since the program's start."""

    clock: float
    cpu: float


class Drained(NamedTuple):
    figures: dict[str, float]
    sums: list[str]  # the lines of the totals


def javac() -> str:
    found = shutil.which("javac")
    if found is None:
        raise FileNotFoundError("the peer has to be compiled: install a JDK, so that javac is on PATH")
    return found


def drain_by(
    main_class: str,
    jars: Sequence[Path],
    command: Sequence[str],
    settings: Settings,
    events: int,
    state: str,
    commands: str,
) -> Drained:
    """Compile the program beside this file and have it drain the spend events. `command` starts the JVM; `state` says
    where it holds its totals; pauses go to the topic `commands`, which is the program's name too: one a run."""
    with tempfile.TemporaryDirectory(prefix="spendgate-peer-") as name:
        folder = Path(name)
        _compile([_HERE / "Work.java", _HERE / f"{main_class}.java"], jars, folder)
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
        path = os.pathsep.join([name, *map(str, jars)])
        moments = _run([*command, "-cp", path, main_class, *arguments])
        return Drained(_figures(moments, events), totals.read_text().splitlines())


def _compile(sources: Sequence[Path], jars: Sequence[Path], folder: Path) -> None:
    path = os.pathsep.join(map(str, jars))
    subprocess.run([javac(), "--release", "17", "-cp", path, "-d", str(folder), *map(str, sources)], check=True)


def _run(command: Sequence[str], seconds: float = 900) -> dict[int, Moment]:
    """The moments that it printed. What it says of errors is passed on only if it fails."""
    pinned = ["taskset", "-c", str(WORKER_CORE), *command]
    said = subprocess.run(pinned, capture_output=True, text=True, timeout=seconds)
    if said.returncode:
        print(said.stderr[-4000:], file=sys.stderr)
        said.check_returncode()
    return _moments(said.stdout)


def _figures(moments: dict[int, Moment], events: int) -> dict[str, float]:
    """From the first event to the last, with the start of the program in its CPU seconds; and of the second half."""
    first, middle, last = (moments[count] for count in (1, events // 2, events))
    return {
        "events_per_second": round((events - 1) / (last.clock - first.clock)),
        "cpu_seconds_per_million": round(last.cpu / events * 1_000_000, 2),
        "warm_events_per_second": round((events - events // 2) / (last.clock - middle.clock)),
        "warm_cpu_seconds_per_million": round((last.cpu - middle.cpu) / (events - events // 2) * 1_000_000, 2),
    }


def _moments(text: str) -> dict[int, Moment]:
    lines = [line.split() for line in text.splitlines() if line.startswith("moment ")]
    return {int(count): Moment(int(clock) / 1e9, int(cpu) / 1e9) for _, count, clock, cpu in lines}
