"""Workers killed, frozen and woken under load: money and commands come out as if nothing had happened."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random

import msgspec
import pytest

from core.records import Action, ControlCommand
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps
from streams.worker.fatal import EXIT_CODE
from tests.lengths import length
from tests.streams.broker import Broker, open_broker
from tests.streams.conftest import StartWorker
from tests.streams.worker_process import WorkerProcess

GROUPS = 4  # sets of topics with a worker each, side by side: the broker misses a dead worker for 6 s
KILLS = length(8, 20)
BATCH = 50
BATCHES_PER_SECOND = 20
SESSION_SECONDS = 6
BRANDS = [f"brand-{number}" for number in range(16)]

pytestmark = [pytest.mark.long, pytest.mark.parametrize("timestamps", [Timestamps.APPEND])]


async def test_no_kill_loses_or_repeats_money_or_a_command(settings: Settings, new_worker: StartWorker) -> None:
    groups = [settings.replace(topic_prefix=f"{settings.topic_prefix}{n}-", partitions=2) for n in range(GROUPS)]
    await asyncio.gather(*(_killed(group, new_worker(group), seed) for seed, group in enumerate(groups)))


async def test_a_worker_that_was_frozen_past_its_session_harms_nothing(
    broker: Broker, settings: Settings, new_worker: StartWorker
) -> None:
    first, second = new_worker(settings), new_worker(settings)
    async with _load(broker, seed=99) as load:
        await first.started()
        await load.more()
        await second.started()
        async with asyncio.TaskGroup() as supervisors:
            watching = [supervisors.create_task(_supervise(worker)) for worker in (first, second)]
            for frozen, other in ((first, second), (second, first)):
                await load.more()
                owned = other.log.read_text().count("partitions_owned")
                frozen.freeze()
                # After the session of the frozen one the other owns all, and nothing stands still.
                await _owns_again(other, owned)
                await load.more()
                owned = frozen.log.read_text().count("partitions_owned")
                frozen.wake()
                await _owns_again(frozen, owned)
            await load.more()
            for watch in watching:
                watch.cancel()
        assert await second.stop() == 0
        await load.more()
        first.check_alive()
        await load.check()


async def _supervise(worker: WorkerProcess) -> None:
    """Start it again when it gave itself up; any other end is a failure."""
    while True:
        while worker.exit_code is None:
            await asyncio.sleep(0.05)
        assert worker.exit_code == EXIT_CODE, worker.output[-4000:]
        worker.start()


async def _killed(settings: Settings, worker: WorkerProcess, seed: int) -> None:
    random = Random(seed)
    async with open_broker(settings) as broker, _load(broker, seed) as load:
        worker.start()
        for kill in range(KILLS // GROUPS):
            await worker.ready()
            # Every other time the new owner is still reading the backlog.
            if kill % 2:
                await load.more()
            await asyncio.sleep(random.uniform(0, 0.5))
            worker.check_alive()
            worker.kill()
            worker.start()
        await worker.ready()
        await load.more()
        await load.stop()
        await load.check()


class _Load:
    """Spend of many brands with duplicates, refunds and budget edits, and what must come of it."""

    def __init__(self, broker: Broker, seed: int) -> None:
        self.micros: Counter[str] = Counter()
        self._broker = broker
        self._random = Random(seed)
        self._past: list[tuple[str, bytes]] = []
        self._sending: asyncio.Task[None] | None = None
        self._stopping = False
        self._number = 0

    async def start(self) -> None:
        for brand_id in BRANDS:
            await self._broker.brand(brand_id, daily_budget=None)
            for name in "xyz":
                await self._broker.campaign(brand_id, f"{brand_id}-{name}")
        self._sending = asyncio.create_task(self._send_on())

    async def stop(self) -> None:
        """The batch at hand is finished: what is counted here is on the topic. On a busy machine it takes longer until
        there is something to check."""
        if self._sending:
            await self._broker.until(lambda: _has_enough(self._broker.commands))
            self._stopping = True
            await self._sending
            self._sending = None

    async def more(self) -> None:
        """All that was sent up to now is applied."""
        sent = dict(self._broker.sent)
        await self._broker.until(lambda: self._broker.applied(sent))

    async def check(self) -> None:
        await self.stop()
        await self._broker.until_settled()
        totals: Counter[str] = Counter()
        for state in self._broker.states().values():
            for brand in state.brands.values():
                assert brand.monthly_micros == self.micros[brand.brand_id]
                for campaign in brand.campaigns.values():
                    totals[brand.brand_id] += campaign.total_micros
        assert totals == self.micros
        assert self._broker.dead_letters == []
        _check_commands(self._broker.commands)

    async def _send_on(self) -> None:
        while not self._stopping:
            await self._batch()
            await asyncio.sleep(1 / BATCHES_PER_SECOND)

    async def _batch(self) -> None:
        events = [self._event() for _ in range(BATCH)]
        topic = self._broker.settings.topic(Topic.SPEND_EVENTS)
        sent = [
            await self._broker.producer.send(topic, value, key=brand_id.encode(), partition=self._broker.home(brand_id))
            for brand_id, value in events
        ]
        for acknowledged in await asyncio.gather(*sent):
            self._broker.note_sent(Topic.SPEND_EVENTS, acknowledged.partition, acknowledged.offset)
        if self._random.random() < 0.5:
            # Budgets that are used up and raised again make commands flow.
            budget = self._random.choice([None, "0", "1000000"])
            await self._broker.brand(self._random.choice(BRANDS), daily_budget=budget)

    def _event(self) -> tuple[str, bytes]:
        if self._past and self._random.random() < 0.1:
            return self._random.choice(self._past)
        brand_id, self._number = self._random.choice(BRANDS), self._number + 1
        hundredths = self._random.choice([-1, 1, 1, 2, 5])
        self.micros[brand_id] += hundredths * 10_000
        fields = {"event_id": f"e{self._number}", "brand_id": brand_id, "amount": f"{hundredths / 100:.2f}"}
        fields["campaign_id"] = f"{brand_id}-{self._random.choice('xyz')}"
        self._past.append((brand_id, msgspec.json.encode(fields)))
        return self._past[-1]


@asynccontextmanager
async def _load(broker: Broker, seed: int) -> AsyncIterator[_Load]:
    load = _Load(broker, seed)
    await load.start()
    try:
        yield load
    finally:
        await load.stop()


async def _owns_again(worker: WorkerProcess, observed: int) -> None:
    """It has told of one more assignment than `observed`, in this process or the next."""
    async with asyncio.timeout(10 * SESSION_SECONDS):
        while worker.log.read_text().count("partitions_owned") <= observed:
            await asyncio.sleep(0.05)


def _check_commands(commands: list[ControlCommand]) -> None:
    """Every sequence of every campaign once and without gap, pauses and resumes in turn."""
    by_campaign: dict[str, list[ControlCommand]] = {}
    for command in commands:
        by_campaign.setdefault(command.campaign_id, []).append(command)
    assert by_campaign.keys() == {f"{brand_id}-{name}" for brand_id in BRANDS for name in "xyz"}
    for campaign_id, observed in by_campaign.items():
        assert [it.sequence for it in observed] == list(range(1, len(observed) + 1)), campaign_id
        assert {it.epoch for it in observed} == {1}
        assert all(one.action is not other.action for one, other in pairwise(observed)), campaign_id
    assert _has_enough(commands)


def _has_enough(commands: list[ControlCommand]) -> bool:
    """More than half as many pauses as there are campaigns, and as many resumes."""
    actions = Counter(it.action for it in commands)
    return min(actions[Action.PAUSE], actions[Action.RESUME]) > 3 * len(BRANDS) / 2
