"""Traffic and an independent count of it, which share no code with the product: librdkafka, JSON and sums.

Each spend that a broker has acknowledged is to be counted once, and of a platform's totals the latest. Each campaign's
commands are to be numbered without a gap, by turns a pause and a resume, and the last of them what the sums say. Each
budget's alerts are to come once where the sums have reached them, and no others.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from random import Random
from threading import Event, Lock, Thread
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.faults.hanging import hanging_transactions
from tests.faults.received_messages import ReceivedMessages

__all__ = ["MICROS", "PERCENTS", "Traffic"]

PATIENCE_SECONDS: Final = 240
MICROS: Final = 1_000_000
#: Switching without a rest would take the CPU that a restart needs.
_BETWEEN_SWITCHES_SECONDS: Final = 0.1
#: Paused by budget when it has spent so much; some campaigns get there, some do not.
_BUDGETS: Final = {"0": 200, "1": 1_000, "2": 10**9, "totals": 10**9}
#: Where an alert is raised, of a budget.
PERCENTS: Final = (80, 100)
#: So that the time that is measured is the product's: these clients soon leave a broker that does not answer.
_IMPATIENT: Final = {
    "socket.timeout.ms": 2_000,
    "topic.metadata.refresh.interval.ms": 1_000,
    "reconnect.backoff.max.ms": 500,
    "log_level": 0,
}


class Traffic:
    """`rate` spends a second for `brands` brands with four campaigns each, until `finish`; of one of them its platform
    tells totals. A probe campaign of each brand is switched off and on, which tells how long nothing is decided. A
    command or alert that comes again with the same id is wrong, except as it was and of a brand whose partition
    `may_repeat`. `clock` gives the seconds since 1970 that records are sent with, `time_zone` is that of all brands."""

    def __init__(
        self,
        brokers: str,
        prefix: str,
        partitions: int,
        *,
        seed: int,
        brands: int = 4,
        rate: int = 60,
        may_repeat: Callable[[int], bool] = lambda _partition: False,
        time_zone: str = "UTC",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.longest_seconds = 0.0
        self.acked = 0
        self._may_repeat = may_repeat
        self._clock = clock
        self._time_zone = ZoneInfo(time_zone)
        self._random = Random(seed)
        self._brokers, self._prefix = brokers, prefix
        self._rate = rate
        self._brands = [f"brand-{number}" for number in range(brands)]
        self._budgets = {(it, f"{it}.{name}"): budget for it in self._brands for name, budget in _BUDGETS.items()}
        self._versions: Counter[str] = Counter()
        self._home: dict[str, int] = {}
        self._micros: Counter[str] = Counter()
        self._totals: Counter[tuple[str, str]] = Counter()
        self._refused: list[str] = []
        self._counting = Lock()
        self._sent = 0
        self._switches: Counter[str] = Counter()
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "message.timeout.ms": 600_000,
                "request.timeout.ms": 2_000,
                **_IMPATIENT,
            }
        )
        self.commands = _Follower(brokers, f"{prefix}campaign-control", partitions)
        self.alerts = _Follower(brokers, f"{prefix}budget-alerts", partitions)
        self._ended = Event()
        self._sending = Thread(target=self._send_spend, daemon=True)

    async def start(self) -> None:
        """Returns when each campaign has its first command."""
        for brand in self._brands:
            await self._brand(brand)
            for campaign in [*(it for of, it in self._budgets if of == brand), f"{brand}.probe"]:
                await self._campaign(brand, campaign)
        await self._until(lambda: len(self.commands.of) == len(self._budgets) + len(self._brands))
        self._sending.start()

    async def during(self, fault: Awaitable[None]) -> float:
        """The longest time, in seconds, from the sending of a document to its command, while the fault goes on and a
        few switches longer. It has the time in which Kafka takes nothing."""
        going_on = asyncio.ensure_future(fault)
        self.longest_seconds = 0.0
        try:
            while not going_on.done():
                await self.switch()
                await asyncio.wait({going_on}, timeout=_BETWEEN_SWITCHES_SECONDS)
            await going_on
            for _ in range(3):
                await self.switch()
        finally:
            going_on.cancel()
        return self.longest_seconds

    async def switch(self) -> None:
        """Switch each probe, and await the commands."""
        sent = time.monotonic()
        for brand in self._brands:
            self._switches[brand] += 1
            await self._campaign(brand, f"{brand}.probe", enabled=self._switches[brand] % 2 == 0)
        await self._until(
            lambda: all(len(self.commands.of[f"{it}.probe"]) == self._switches[it] + 1 for it in self._brands)
        )
        self.longest_seconds = max(self.longest_seconds, time.monotonic() - sent)

    async def finish(self) -> str:
        """End the traffic and count. Returns a line with the numbers; raises AssertionError where one is wrong."""
        self._ended.set()
        await asyncio.to_thread(self._sending.join)
        await self._acknowledged()
        for _ in range(2):  # one of them is a resume, which comes after all spend before it
            await self.switch()
        await self._until(
            lambda: all(self._last(it) == ("pause" if self._is_spent(it) else "resume") for it in self._budgets)
        )
        # Without a budget all of them run, and the pause of each has its total.
        for brand, campaign in self._budgets:
            await self._campaign(brand, campaign, total_budget=None)
        await self._until(lambda: all(self._last(it) == "resume" for it in self._budgets))
        for brand, campaign in self._budgets:
            await self._campaign(brand, campaign, total_budget=None, enabled=False)
        await self._until(lambda: all(self._last(it) == "pause" for it in self._budgets))
        counted = {it: _micros(self.commands.of[it][-1]["campaign"]["total_spent"]) for _, it in self._budgets}
        assert counted == self.micros
        commands = self.commands.of
        for campaign, received in commands.items():
            numbers = range(len(received))
            assert [it["sequence"] for it in received] == [n + 1 for n in numbers], campaign
            assert [it["action"] for it in received] == [("resume", "pause")[n % 2] for n in numbers], campaign
        with suppress(TimeoutError):
            await self._until(lambda: self._reached() == self._reachable())
        assert self._reached() == self._reachable()
        self._check_followed()
        repeated = len(self.commands.repeated) + len(self.alerts.repeated)
        return (
            f"{self.acked} spends and totals, each counted once; {self.commands.total} commands, "
            f"{self.alerts.total} alerts" + (f", {repeated} of them a second time" if repeated else "")
        )

    @property
    def micros(self) -> dict[str, int]:
        """What was spent, by campaign."""
        return {it: self._micros[it] for _, it in self._budgets}

    def sequences(self) -> dict[str, int]:
        """The number of commands of each campaign."""
        return {campaign: len(emitted) for campaign, emitted in self.commands.of.items()}

    def close(self) -> None:
        self._ended.set()
        if self._sending.is_alive():
            self._sending.join()
        self._producer.purge()
        self.commands.close()
        self.alerts.close()

    def _check_followed(self) -> None:
        for followed in (self.commands, self.alerts):
            followed.check(lambda brand_id: self._may_repeat(self._home[brand_id]))

    def _is_spent(self, of: tuple[str, str]) -> bool:
        return self._micros[of[1]] >= self._budgets[of] * MICROS

    def _reached(self) -> Counter[tuple[str, int, str]]:
        """How often each percent of a campaign's budget was raised and resolved."""
        alerts = [it for of_one in list(self.alerts.of.values()) for it in of_one if it["kind"] == "threshold"]
        return Counter((it["campaign_id"], it["percent"], it["state"]) for it in alerts)

    def _reachable(self) -> Counter[tuple[str, int, str]]:
        """The same by the sums, after all budgets were taken away, which resolves what was raised."""
        return Counter(
            (campaign, percent, state)
            for (_, campaign), budget in self._budgets.items()
            for percent in PERCENTS
            for state in ("raised", "resolved")
            if self._micros[campaign] * 100 >= budget * percent * MICROS
        )

    def _last(self, of: tuple[str, str]) -> str:
        return str(self.commands.of[of[1]][-1]["action"])

    async def _brand(self, brand: str) -> None:
        zones = [{"time_zone": self._time_zone.key, "from": None}]
        await self._document(brand, {"kind": "brand", "currency": "USD", "zones": zones})

    async def _campaign(self, brand: str, campaign: str, **fields: object) -> None:
        budget = self._budgets.get((brand, campaign))
        document = {
            "kind": "campaign",
            "campaign_id": campaign,
            "total_budget": None if budget is None else str(budget),
        }
        await self._document(brand, {**document, **fields}, f"{brand}/{campaign}")

    async def _document(self, brand: str, fields: dict[str, Any], key: str | None = None) -> None:
        key = key or brand
        self._versions[key] += 1
        value = json.dumps({**fields, "brand_id": brand, "version": self._versions[key]})
        done = asyncio.get_running_loop().create_future()

        def acknowledged(error: object, message: Any) -> None:
            assert error is None, error
            self._home.setdefault(brand, message.partition())
            done.get_loop().call_soon_threadsafe(done.set_result, None)

        partition = self._home.get(brand, -1)  # the first of a brand goes where the client's partitioner wants it
        self._produce("catalog", value, key, partition, acknowledged, self._clock())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not done.done():
                await asyncio.to_thread(self._producer.poll, 0.05)
                await asyncio.sleep(0)

    def _send_spend(self) -> None:
        while not self._ended.wait(1 / self._rate):
            at = self._clock()
            brand, campaign = self._random.choice(self._spending(at))
            micros = self._random.randint(1, 9 * MICROS)
            self._sent += 1
            topic, fields = self._spent(campaign, micros, at)
            value = json.dumps({"brand_id": brand, "campaign_id": campaign, **fields})
            self._produce(topic, value, brand, -1, partial(self._acknowledge, campaign, micros, at), at)
            self._producer.poll(0)

    def _spending(self, at: float) -> Sequence[tuple[str, str]]:
        """The campaigns that get spend at this moment."""
        return list(self._budgets)

    def _acknowledge(self, campaign: str, micros: int, at: float, error: object, _message: object) -> None:
        with self._counting:  # whichever thread polls
            if error is not None:
                self._refused.append(str(error))
                return
            self.acked += 1
            self._book(campaign, micros, at)

    def _book(self, campaign: str, micros: int, at: float) -> None:
        self._micros[campaign] += micros

    def _day(self, at: float) -> str:
        return datetime.fromtimestamp(at, self._time_zone).date().isoformat()

    def _produce(
        self, topic: str, value: str, key: str, partition: int, acknowledged: Callable[[Any, Any], None], at: float
    ) -> None:
        self._producer.produce(f"{self._prefix}{topic}", value, key, partition, acknowledged, timestamp=int(at * 1000))

    def _spent(self, campaign: str, micros: int, at: float) -> tuple[str, dict[str, str]]:
        """An event, or the day's total with so much more; and the topic of it."""
        if not campaign.endswith(".totals"):
            return "spend-events", {"event_id": f"e{self._sent}", "amount": _amount(micros)}
        day, now = self._day(at), datetime.fromtimestamp(at, UTC)
        self._totals[campaign, day] += micros
        total = {"source": "platform", "day": day, "cost": _amount(self._totals[campaign, day])}
        return "spend-snapshots", {**total, "as_of": now.isoformat(timespec="milliseconds")}

    async def _acknowledged(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await asyncio.to_thread(self._producer.flush, 1.0):
                await asyncio.sleep(0)
        assert (self._refused, self.acked) == ([], self._sent)

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Raises TimeoutError with how far the readers came. What waits for Kafka alone is an expected failure: no
        reader of what is committed comes past a transaction whose end Kafka has forgotten."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not condition():
                    self._check_followed()
                    self._producer.poll(0)
                    await asyncio.sleep(0.01)
        except TimeoutError:
            if hanging := await asyncio.to_thread(hanging_transactions, self._brokers, self._prefix):
                pytest.xfail(f"Kafka has forgotten the end of {hanging}: docs/reliability.md, 'Not survived'")
            raise TimeoutError(f"{self.commands.reached()}; {self.alerts.reached()}") from None


def _amount(micros: int) -> str:
    return f"{micros // MICROS}.{micros % MICROS:06d}"


def _micros(text: str) -> int:
    return int(Decimal(text) * MICROS)


class _Follower(ReceivedMessages):
    """Takes all that is committed on a topic."""

    def __init__(self, brokers: str, topic: str, partitions: int) -> None:
        super().__init__()
        self._options = {
            "bootstrap.servers": brokers,
            "group.id": "independent",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            **_IMPATIENT,
        }
        self._topic, self._numbers = topic, range(partitions)
        self._last: dict[int, int] = {}
        self._consumer = Consumer(self._options)
        self._consumer.assign([self._tp(number) for number in self._numbers])
        self._closed = Event()
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    def reached(self) -> str:
        """The offset of the last record of each partition and the one up to which it is committed."""
        asked = Consumer(self._options)
        try:
            ends = {number: asked.get_watermark_offsets(self._tp(number), timeout=10)[1] for number in self._numbers}
        finally:
            asked.close()
        return f"{self._topic}: read {self._last}, committed up to {ends}"

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._consumer.close()

    def _follow(self) -> None:
        while not self._closed.is_set():
            record = self._consumer.poll(0.2)
            if record is not None and record.error() is None:
                self._last[record.partition()] = record.offset()
                self.take(json.loads(record.value()))

    def _tp(self, number: int) -> TopicPartition:
        return TopicPartition(self._topic, number, 0)
