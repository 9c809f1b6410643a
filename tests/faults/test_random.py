"""Faults in random combination: of two workers, the ledger, scheduler, notifier, API, PostgreSQL and the broker up to
three at once are killed or frozen under traffic, a client of the API and a receiver of webhooks, and the end is what a
model says that shares no code with the product.

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
from local.ports import HOST, choose_port
from local.postgres import LocalPostgres
from operations.accounts.accounts import create_token
from operations.channels import add_channel
from tests.commands import EXECUTABLE
from tests.faults.api_client import CAMPAIGN, ApiClient
from tests.faults.received_webhooks import check_webhooks
from tests.faults.runs import Run, runs_of
from tests.faults.world import World
from tests.notifier.receiver import open_receiver
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
    async with world.running(), open_receiver() as receiver:
        settings = world.settings.replace(notify_private_addresses=True)
        add_channel(settings, "ops", receiver.address, commands=True, actor="ann")
        client = _begin_others(world, run.seed)
        traffic = world.traffic(seed=run.seed, brands=6)
        try:
            await traffic.start()
            async with client.running(traffic.commands.of[CAMPAIGN]):
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
            await client.check(traffic.commands.of[CAMPAIGN])
            counted = await world.count(traffic, {CAMPAIGN: client.micros})
            await receiver.until(lambda: len(set(receiver.ids)) >= traffic.commands.total + traffic.alerts.total)
            repeated = check_webhooks(receiver.received, traffic)
        finally:
            traffic.close()
    print(
        f"\n{done} faults in {minutes:.0f} minutes, seed {run.seed}: {counted}; {client.spends} spends and "
        f"{client.switches} edits through the API; {len(set(receiver.ids))} webhooks, {repeated} a second time"
    )
    for name in sorted({*alone, *together}):
        print(f"| {name} | {_times_and_longest(alone[name])} | {_times_and_longest(together[name])} |")


def _begin_others(world: World, seed: int) -> ApiClient:
    """Begin scheduler, notifier and API. Returns the client that is to run."""
    _, token = create_token(world.settings.database, "web", "operator", 1, actor="ann")
    port = choose_port(0, "test")
    world.begin("scheduler", [str(EXECUTABLE), "scheduler"])
    world.begin("notifier", [str(EXECUTABLE), "notifier"], SPENDGATE_NOTIFY_PRIVATE_ADDRESSES="true")
    world.begin("api", [str(EXECUTABLE), "api"], SPENDGATE_HTTP_PORT=str(port))
    return ApiClient(f"http://{HOST}:{port}", token, seed)


def _draw(world: World, random: Random, at_most: int) -> list[Fault]:
    """One to three faults of different processes."""
    first, second, ledger, scheduler, notifier, api = world.processes
    faults = [
        random.choice([_killed("a worker", first), _frozen(first)]),
        random.choice([_killed("a worker", second), _frozen(second)]),
        _killed("the ledger", ledger),
        _killed("the scheduler", scheduler),
        _killed("the notifier", notifier),
        _killed("the API", api),
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
