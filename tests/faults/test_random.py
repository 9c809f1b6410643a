"""Faults in random combination: of two workers, the ledger, PostgreSQL and the broker up to three at once are killed or
frozen under traffic, and the end is what a model says that shares no code with the product.

`make faults` runs it with SPENDGATE_FAULTS=200, in runs that may go on at the same time; SPENDGATE_FAULTS_SEED draws
others, SPENDGATE_FAULTS_MINUTES bounds each run.
"""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import pytest

from local.kafka import LocalKafka
from local.postgres import LocalPostgres
from tests.faults.runs import Run, runs_of
from tests.faults.world import World
from tests.streams.worker_process import WorkerProcess

FAULTS: Final = int(os.environ.get("SPENDGATE_FAULTS") or 20)
#: After so many no more begin; on a machine that others use a broker may take one to come back.
MINUTES: Final = float(os.environ.get("SPENDGATE_FAULTS_MINUTES") or "inf")
#: A run has so many at most.
RUN: Final = 50
MOST_AT_ONCE: Final = 3
#: A worker that was frozen for longer loses its partitions to the other one.
FROZEN_SECONDS: Final = 9.0

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(600 + 120 * min(FAULTS, RUN)),
]


class Fault(NamedTuple):
    name: str
    do: Callable[[], Coroutine[Any, Any, None]]


@pytest.mark.parametrize("run", runs_of(FAULTS, at_most=RUN), ids=str)
async def test_faults_in_random_combination_cost_no_record(run: Run, topic_prefix: str, tmp_path: Path) -> None:
    world, random = World(tmp_path, topic_prefix), Random(run.seed)
    alone: dict[str, list[float]] = defaultdict(list)
    together: dict[str, list[float]] = defaultdict(list)
    done = 0
    async with world.running():
        traffic = world.traffic(seed=run.seed, brands=6)
        try:
            await traffic.start()
            began, minutes = time.monotonic(), 0.0
            while done < run.faults and minutes < MINUTES:
                faults = _draw(world, random, run.faults - done)
                silence = await traffic.during(_at_once(faults))
                done += len(faults)
                names = [fault.name for fault in faults]
                for name in names:
                    (alone if len(faults) == 1 else together)[name].append(silence)
                minutes = (time.monotonic() - began) / 60
                print(f"{done} of {run}, minute {minutes:.0f}: {', '.join(names)}: {silence:.1f} s", flush=True)
            counted = await world.count(traffic)
        finally:
            traffic.close()
    print(f"\n{done} faults in {minutes:.0f} minutes, seed {run.seed}: {counted}")
    for name in sorted({*alone, *together}):
        print(f"| {name} | {_times_and_longest(alone[name])} | {_times_and_longest(together[name])} |")


def _draw(world: World, random: Random, at_most: int) -> list[Fault]:
    """One to three faults of different processes."""
    first, second, ledger = world.processes
    faults = [
        random.choice([_killed("a worker", first), _frozen(first)]),
        random.choice([_killed("a worker", second), _frozen(second)]),
        _killed("the ledger", ledger),
        Fault("kill -9 of PostgreSQL", partial(_kill_service, world.postgres)),
        Fault("kill -9 of the broker", partial(_kill_service, world.kafka)),
    ]
    return random.sample(faults, min(random.randint(1, MOST_AT_ONCE), at_most))


async def _at_once(faults: Iterable[Fault]) -> None:
    async with asyncio.TaskGroup() as group:
        for fault in faults:
            group.create_task(fault.do())


def _killed(what: str, process: WorkerProcess) -> Fault:
    async def kill() -> None:
        process.kill()
        process.start()

    return Fault(f"kill -9 of {what}", kill)


def _frozen(worker: WorkerProcess) -> Fault:
    async def freeze() -> None:
        worker.freeze()
        await asyncio.sleep(FROZEN_SECONDS)  # the fault is that long
        worker.wake()

    return Fault(f"a worker frozen for {FROZEN_SECONDS:g} s", freeze)


async def _kill_service(service: LocalKafka | LocalPostgres) -> None:
    await asyncio.to_thread(service.kill)
    await asyncio.to_thread(service.start)


def _times_and_longest(silences: list[float]) -> str:
    return f"{len(silences)}, {max(silences):.1f} s" if silences else "0"
