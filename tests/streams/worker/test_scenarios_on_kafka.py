"""The rows of SCENARIOS that are marked *, through a real broker, with records whose times are given."""

import asyncio
from itertools import permutations

import pytest

from core.money import parse_money
from core.state import BrandState
from streams.kafka.topics import Topic
from tests.lengths import length
from tests.streams.broker import Broker, brand_in, open_broker, spend_event
from tests.streams.worker_process import WorkerProcess

DAILY = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}


@pytest.fixture
def partitions() -> int:
    """One for each row of the first test."""
    return 8


async def test_each_row_on_a_partition_of_its_own(broker: Broker, worker: WorkerProcess) -> None:
    """Time belongs to a partition's ticks, so rows on different partitions do not meet, and may run at once."""
    rows = (t1_zone, t4_manual_wins, t5_month_roll, t9_concurrency, t17_wrong_key)
    names = [brand_in(number, broker.settings.partitions, "nike") for number in range(len(rows))]
    for row, brand_id in zip(rows, names, strict=True):
        await row(broker, brand_id)
    worker.check_alive()


async def t1_zone(broker: Broker, brand_id: str) -> None:
    await broker.brand(brand_id, "2025-09-08T00:00:00Z", zone="Asia/Karachi")
    await broker.campaign(brand_id, "t1", "2025-09-08T00:00:00Z", windows=[{**DAILY, "from": "09:00", "to": "17:00"}])
    for minute in range(24 * 60):
        at = f"2025-09-08T{minute // 60:02}:{minute % 60:02}:00Z"
        message = {"tick_id": at, "due_at": at}
        await broker.publish(Topic.DAYPARTING_TICKS, message, partition=broker.home(brand_id), at=at)
    await broker.until_settled()
    assert broker.emitted("t1") == ["resume @2025-09-08T04:00:00Z", "pause schedule @2025-09-08T12:00:00Z"]


async def t4_manual_wins(broker: Broker, brand_id: str) -> None:
    home = broker.home(brand_id)

    async def day_and_night(enabled: bool, daily: str, at: str) -> None:
        await broker.brand(brand_id, at, zone="Asia/Karachi", daily_budget=daily, enabled=enabled)
        await broker.until_settled()

    await day_and_night(True, "100", "2025-09-30T01:00:00Z")
    await broker.campaign(brand_id, "t4", "2025-09-30T01:00:00Z")
    await broker.until_settled()
    await broker.spend(brand_id, "t4", "100", "2025-09-30T07:00:00Z", event_id="all of it")
    await broker.until_settled()
    paused = ["pause daily_budget @2025-09-30T07:00:00Z"]
    assert broker.emitted("t4") == paused

    await day_and_night(False, "100", "2025-09-30T08:00:00Z")
    await broker.reset(home, "daily", "Asia/Karachi", "2025-09-30T19:00:00Z")
    await broker.until_settled()
    await day_and_night(False, "200", "2025-09-30T19:30:00Z")
    await broker.tick(home, "2025-09-30T19:31:00Z")
    await broker.reset(home, "monthly", "Asia/Karachi", "2025-09-30T19:31:00Z")
    await broker.until_settled()
    assert broker.emitted("t4") == paused

    await day_and_night(True, "200", "2025-10-01T04:00:00Z")
    assert broker.emitted("t4") == [*paused, "resume @2025-10-01T04:00:00Z"]


async def t5_month_roll(broker: Broker, brand_id: str) -> None:
    await broker.brand(brand_id, "2025-09-30T18:00:00Z", zone="Asia/Karachi", monthly_budget="1000")
    await broker.campaign(brand_id, "t5", "2025-09-30T18:00:00Z")
    await broker.until_settled()
    await broker.spend(brand_id, "t5", "1000", "2025-09-30T18:30:00Z", event_id="september")
    await broker.until_settled()
    await broker.reset(broker.home(brand_id), "monthly", "Asia/Karachi", "2025-09-30T19:00:00Z")
    await broker.until_settled()
    observed = ["pause monthly_budget @2025-09-30T18:30:00Z", "resume @2025-09-30T19:00:00Z"]
    assert broker.emitted("t5") == observed
    assert (broker.commands[-1].brand.month, broker.commands[-1].brand.monthly_spent) == ("2025-10", "0.00")

    await broker.spend(
        brand_id, "t5", "5.00", "2025-09-30T19:00:05Z", event_id="late", occurred_at="2025-09-30T18:59:59Z"
    )
    await broker.until_settled()
    assert broker.emitted("t5") == observed
    brand = broker.state_of(brand_id)
    assert _sums(brand) == ("2025-10-01", 0, 0)
    assert brand.campaigns["t5"].total_micros == parse_money("1005.00")


async def t9_concurrency(broker: Broker, brand_id: str) -> None:
    at = "2025-09-08T10:00:00Z"
    await broker.brand(brand_id, "2025-09-08T09:00:00Z", daily_budget="100")
    for campaign in "abc":
        await broker.campaign(brand_id, f"t9-{campaign}", "2025-09-08T09:00:00Z")
    await broker.until_settled()

    async def produce(name: int) -> None:
        async with open_broker(broker.settings) as own:
            for n in range(25):
                await own.spend(brand_id, f"t9-{'abc'[n % 3]}", "1.00", at, event_id=f"{name}-{n}")
            for (topic, partition), offset in own.sent.items():
                broker.note_sent(topic, partition, offset - 1)

    async def edit() -> None:
        await broker.until(lambda: _daily(broker, brand_id) >= parse_money("50.00"))
        await broker.brand(brand_id, at, daily_budget="500")

    await asyncio.gather(edit(), *(produce(name) for name in range(8)))
    await broker.until_settled()
    assert _sums(broker.state_of(brand_id)) == ("2025-09-08", parse_money("200.00"), parse_money("200.00"))
    for campaign in "abc":
        assert len(broker.emitted(f"t9-{campaign}")) in (0, 2)

    await broker.reset(broker.home(brand_id), "daily", "UTC", "2025-09-09T00:00:00Z")
    await broker.until_settled()
    brand = broker.state_of(brand_id)
    assert _sums(brand) == ("2025-09-09", 0, parse_money("200.00"))
    assert brand.config and brand.config.daily_budget_micros == parse_money("500")


async def t17_wrong_key(broker: Broker, brand_id: str) -> None:
    home, elsewhere = broker.home(brand_id), broker.settings.partitions - 1
    await broker.brand(brand_id, "2025-09-08T18:00:00Z", zone="Asia/Karachi")
    await broker.campaign(brand_id, "t17", "2025-09-08T18:00:00Z")
    await broker.until_settled()
    await broker.tick(home, "2025-09-08T19:00:01Z")
    await broker.until_settled()
    event = spend_event(brand_id, "t17", "7.00", "no key")
    arrival = "2025-09-08T18:59:59Z"
    await broker.publish(Topic.SPEND_EVENTS, event, partition=elsewhere, at=arrival)
    await broker.publish(Topic.SPEND_EVENTS, event, partition=elsewhere, key="some-crc32-place", at=arrival)
    await broker.until(lambda: broker.state_of(brand_id).monthly_micros != 0)
    # What is sent after the copies is applied after them.
    await broker.spend(brand_id, "t17", "1.00", "2025-09-08T19:00:02Z", event_id="after")
    await broker.until_settled()
    assert _sums(broker.state_of(brand_id)) == ("2025-09-09", parse_money("1.00"), parse_money("8.00"))

    rerouted = (("spendgate-rerouted", b"spend-events/1/2"),)
    await broker.publish(Topic.SPEND_EVENTS, event, partition=elsewhere, at=arrival, headers=rerouted)
    await broker.until(lambda: bool(broker.dead_letters))
    assert dict(broker.dead_letters[0].headers)["spendgate-reason"] == b"misplaced"


@pytest.mark.long
async def test_spend_that_is_sent_after_an_edit_is_decided_by_it(broker: Broker, worker: WorkerProcess) -> None:
    """One poll may have both, and brings its topics one after the other."""
    at, brands = "2025-09-08T00:00:00Z", [f"brand-{number}" for number in range(60)]
    for brand_id in brands:
        await broker.brand(brand_id, at, daily_budget="10")
        await broker.campaign(brand_id, f"{brand_id}-1", at)
    await broker.until_settled()
    for hour in range(1, length(4, 24)):
        for number, brand_id in enumerate(brands):
            minute = f"2025-09-08T{hour:02}:{number:02}"
            await broker.brand(brand_id, f"{minute}:00Z", daily_budget=str(100 * hour + 1))
            await broker.spend(brand_id, f"{brand_id}-1", "100", f"{minute}:30Z", event_id=f"{hour}")
    await broker.until_settled()
    assert [command.command_id for command in broker.commands if command.action == "pause"] == []


async def test_t7_down_over_midnight(broker: Broker, worker: WorkerProcess) -> None:
    home = broker.home("nike")
    await broker.brand("nike", "2025-09-08T18:00:00Z", zone="Asia/Karachi", daily_budget="100")
    await broker.campaign("nike", "t7", "2025-09-08T18:00:00Z")
    await broker.tick(home, "2025-09-08T18:54:00Z")
    await broker.until_settled()
    assert await worker.stop() == 0

    delivered = "2025-09-09T03:00:00Z"
    await broker.spend("nike", "t7", "60.00", delivered, event_id="e1", occurred_at="2025-09-08T18:58:00Z")
    await broker.spend("nike", "t7", "40.00", delivered, event_id="e2", occurred_at="2025-09-08T19:30:00Z")
    for _ in range(2):
        await broker.reset(home, "daily", "Asia/Karachi", delivered, due_at="2025-09-08T19:00:00Z")
    await worker.started()
    await broker.until_settled()
    brand = broker.state_of("nike")
    assert _sums(brand) == ("2025-09-09", parse_money("40.00"), parse_money("100.00"))
    assert not brand.campaigns["t7"].reasons
    assert broker.emitted("t7") == []


async def test_t8_duplicates_order_and_kills(broker: Broker, worker: WorkerProcess) -> None:
    events = (("30", "e1", "10:00"), ("50", "e2", "10:01"), ("20", "e3", "09:59"), ("30", "e1", "10:00"))
    orders = sorted(set(permutations(events)))
    names = [f"brand-{number}" for number in range(len(orders))]
    for name in names:
        await broker.brand(name, "2025-09-08T09:00:00Z", daily_budget="100")
        await broker.campaign(name, f"{name}-t8", "2025-09-08T09:00:00Z")
    # Otherwise the first states could wait for the spend that follows, and be pauses.
    await broker.until_settled()

    async def send(step: int) -> None:
        for name, order in zip(names, orders, strict=True):
            amount, event_id, clock = order[step]
            at, occurred_at = f"2025-09-08T10:0{2 + step}:00Z", f"2025-09-08T{clock}:00Z"
            await broker.spend(name, f"{name}-t8", amount, at, event_id=event_id, occurred_at=occurred_at)

    for step in range(len(events)):
        await send(step)
        if step < 3:
            worker.kill()
            await worker.started()
    await broker.until_settled()
    before = [it.command_id for it in broker.commands]
    for step in range(len(events)):
        await send(step)
    await broker.until_settled()
    assert [it.command_id for it in broker.commands] == before
    for name in names:
        assert _sums(broker.state_of(name)) == ("2025-09-08", parse_money("100"), parse_money("100"))
        mine = [it for it in broker.commands if it.brand_id == name]
        assert [(it.command_id, it.action) for it in mine] == [
            (f"{name}-t8:1:1", "resume"),
            (f"{name}-t8:1:2", "pause"),
        ]


async def test_t18_snapshots_in_any_order_and_through_kills(broker: Broker, worker: WorkerProcess) -> None:
    told = (("06:00", "10.00"), ("09:00", "25.50"), ("07:00", "18.00"), ("12:00", "24.00"))
    orders = list(permutations(told))
    names = [f"brand-{number}" for number in range(len(orders))]
    for name in names:
        await broker.brand(name, "2025-09-08T00:00:00Z", zone="Asia/Karachi")
        await broker.campaign(name, f"{name}-t18", "2025-09-08T00:00:00Z")

    async def send(name: str, as_of: str, cost: str, at: str, partition: int | None = None) -> None:
        snapshot = {"source": "g", "brand_id": name, "campaign_id": f"{name}-t18", "day": "2025-09-08"}
        snapshot |= {"cost": cost, "as_of": as_of}
        where = broker.home(name) if partition is None else partition
        await broker.publish(Topic.SPEND_SNAPSHOTS, snapshot, partition=where, key=name, at=at)

    def monthly(total: str) -> bool:
        states = broker.states()
        brands = [states[broker.home(name)].brands.get(name) for name in names]
        return all(brand and brand.monthly_micros == parse_money(total) for brand in brands)

    for step in range(len(told)):
        for name, order in zip(names, orders, strict=True):
            as_of, cost = order[step]
            await send(name, f"2025-09-08T{as_of}:00Z", cost, f"2025-09-08T12:0{step}:00Z")
        if step < 2:
            worker.kill()
            await worker.started()
    await broker.until_settled()
    await broker.until(lambda: monthly("24.00"))
    for name in names:
        # One of them through a wrong partition, from which it is sent on.
        elsewhere = (broker.home(name) + 1) % broker.settings.partitions if name == names[0] else None
        await send(name, "2025-09-09T03:00:00Z", "26.00", "2025-09-09T03:00:00Z", elsewhere)
    await broker.until(lambda: monthly("26.00"))
    await broker.until_settled()
    for name in names:
        state = broker.state_of(name)
        assert _sums(state) == ("2025-09-09", 0, parse_money("26.00"))
        assert state.campaigns[f"{name}-t18"].total_micros == parse_money("26.00")
    assert not broker.dead_letters

    too_old = "2025-11-20T03:00:00Z"
    await send(names[0], too_old, "27.00", too_old)
    await broker.until(lambda: bool(broker.dead_letters))
    assert dict(broker.dead_letters[0].headers)["spendgate-reason"] == b"snapshot_too_old"


async def test_t21_alerts_through_kills(broker: Broker, worker: WorkerProcess) -> None:
    day = "2025-09-08T"
    home = broker.home("nike")
    alerting = {"daily_budget": "100", "alert_percents": [50, 80, 100], "silent_after_minutes": 60}
    await broker.brand("nike", f"{day}09:00:00Z", **alerting)
    await broker.campaign("nike", "t21", f"{day}09:00:00Z")
    await broker.until_settled()
    amounts = ("49.99", "0.01", "45.00", "10.00", "-30.00", "10.00")
    for step, amount in enumerate(amounts):
        if killed := step in (1, 3, 4):
            worker.kill()
        await broker.spend("nike", "t21", amount, f"{day}10:0{step}:00Z", event_id=f"e{step}")
        if killed:
            await worker.started()
        await broker.until_settled()
    worker.kill()
    await broker.brand("nike", f"{day}10:06:00Z", **{**alerting, "daily_budget": "200"})
    await worker.started()
    await broker.until_settled()
    raised = "threshold:daily_budget:2025-09-08"
    expected = [f"raised nike:{raised}:{it}" for it in ("50:1", "80:1", "100:1")]
    expected += [f"resolved nike:{raised}:{it}" for it in ("100:1", "80:1")]
    expected += [f"raised nike:{raised}:80:2"]
    expected += [f"resolved nike:{raised}:{it}" for it in ("80:2", "50:1")]
    assert broker.alerted() == expected

    await broker.tick(home, f"{day}11:04:00Z")
    worker.kill()
    await broker.tick(home, f"{day}11:05:00Z")
    await broker.tick(home, f"{day}11:06:00Z")
    await worker.started()
    await broker.until_settled()
    await broker.spend("nike", "unheard-of", "1.00", f"{day}11:07:00Z", event_id="x")
    await broker.until_settled()
    expected += [f"{state} nike:silent:2025-09-08:1" for state in ("raised", "resolved")]
    assert broker.alerted() == [*expected, "raised nike:unknown_campaign:unheard-of:2025-09-08:1"]
    assert broker.alerts[-2].decided_at == f"{day}11:07:00Z"
    assert broker.alerts[-3].decided_at == f"{day}11:05:00Z"


def _sums(brand: BrandState) -> tuple[str, int, int]:
    assert brand.day
    return brand.day.date.isoformat(), brand.daily_micros, brand.monthly_micros


def _daily(broker: Broker, brand_id: str) -> int:
    brand = broker.states()[broker.home(brand_id)].brands.get(brand_id)
    return brand.daily_micros if brand else 0
