"""What is done with one event, whatever engine keeps the state: `Work.java` for the engines in Python.

Programs of this folder import it in environments of their own, which have msgspec, confluent-kafka and nothing of ours.
"""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from confluent_kafka import Consumer, TopicPartition

WINDOW = 1_000_000
"""So many ids of a partition are kept, as Spendgate does."""


class Spend(msgspec.Struct):
    event_id: str
    brand_id: str
    campaign_id: str
    amount: str
    currency: str


class Brand(NamedTuple):
    zone: ZoneInfo
    currency: str


class Arguments(NamedTuple):
    """Of the command line, the same for every peer."""

    name: str
    brokers: str
    state: str
    spend: str
    catalog: str
    commands: str
    count: int
    folder: str
    totals: str
    partitions: int

    @classmethod
    def of(cls, words: list[str]) -> "Arguments":
        name, brokers, state, spend, catalog, commands, count, folder, totals, partitions = words
        return cls(name, brokers, state, spend, catalog, commands, int(count), folder, totals, int(partitions))


parse = msgspec.json.Decoder(Spend).decode


def micros(amount: str) -> int:
    """Exact, or an exception."""
    scaled = Decimal(amount).scaleb(6)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(amount)
    return whole


class Work:
    """The catalog: brands by id; budgets of a day in micros by brand/campaign, where there is one."""

    def __init__(self) -> None:
        self.brands: dict[str, Brand] = {}
        self.budgets: dict[str, int] = {}

    def document(self, key: str, value: bytes) -> None:
        document = msgspec.json.decode(value)
        if "/" not in key:
            self.brands[key] = Brand(ZoneInfo(document["zones"][0]["time_zone"]), document["currency"])
        elif document.get("daily_budget") is not None:
            self.budgets[key] = micros(document["daily_budget"])

    def brand_of(self, spend: Spend) -> Brand:
        brand = self.brands.get(spend.brand_id)
        if brand is None or brand.currency != spend.currency:
            raise ValueError(f"an event that Spendgate would refuse: {spend}")
        return brand

    def crosses(self, key: str, campaign: list[int]) -> bool:
        """True once a day: the spend of the campaign's day has come to its budget."""
        budget = self.budgets.get(key)
        if budget is None or campaign[3] or campaign[1] < budget:
            return False
        campaign[3] = 1
        return True

    def read_catalog(self, arguments: Arguments) -> None:
        """All of the topic up to now: the engines in Python take no other topic into the same state."""
        reader = Consumer(
            {"bootstrap.servers": arguments.brokers, "group.id": arguments.name, "enable.auto.commit": False}
        )
        for number in range(arguments.partitions):
            partition = TopicPartition(arguments.catalog, number, 0)
            _, end = reader.get_watermark_offsets(partition, timeout=30)
            reader.assign([partition])
            at = 0
            while at < end:
                for message in reader.consume(10_000, 1):
                    at = message.offset() + 1
                    self.document(message.key().decode(), message.value())
        reader.close()


def add_to_brand(state: list[int] | None, brand: Brand, at: int, added: int) -> list[int]:
    """A brand: start and end of its day, spend of the day, start and end of its month, spend of the month."""
    state = state or [0] * 6
    if at >= state[1]:
        day = datetime.fromtimestamp(at / 1000, brand.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        state[:3] = [_milliseconds(day), _milliseconds(day + timedelta(days=1)), 0]
        if at >= state[4]:
            month = day.replace(day=1)
            state[3:] = [_milliseconds(month), _milliseconds((month + timedelta(days=32)).replace(day=1)), 0]
    if at >= state[0]:
        state[2] += added
    if at >= state[3]:
        state[5] += added
    return state


def add_to_campaign(state: list[int] | None, day_start: int, at: int, added: int) -> list[int]:
    """A campaign: start of its day, spend of the day, spend in all, 1 if paused."""
    state = state or [0] * 4
    if state[0] < day_start:
        state[0], state[1], state[3] = day_start, 0, 0
    if at >= day_start:
        state[1] += added
    state[2] += added
    return state


def pause(spend: Spend, at: int, spent: int) -> bytes:
    command: dict[str, Any] = {"action": "pause", "brand_id": spend.brand_id, "campaign_id": spend.campaign_id}
    return msgspec.json.encode(command | {"decided_at": at, "spent_micros": spent, "event_id": spend.event_id})


def total_lines(brands: dict[str, list[int]], campaigns: dict[str, list[int]]) -> str:
    """What the sums are checked by: name, day and month of a brand; name, day and total of a campaign."""
    lines = [f"{name}\t{it[2]}\t{it[5]}\n" for name, it in brands.items()]
    return "".join([*lines, *(f"{name}\t{it[1]}\t{it[2]}\n" for name, it in campaigns.items())])


class Counter:
    """Prints when the first event, the half and the last are reached, which is what is measured."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._marks = {1, wanted // 2, wanted}
        self._count = 0

    def add(self) -> bool:
        """True at the last one."""
        self._count += 1
        if self._count in self._marks:
            self._print(self._count)
        return self._count == self._wanted

    def reach(self, count: int) -> None:
        """For an engine that counts by itself, many at once."""
        for mark in sorted(self._marks):
            if self._count < mark <= count:
                self._print(mark)
        self._count = max(self._count, count)

    def _print(self, mark: int) -> None:
        print("moment", mark, time.monotonic_ns(), time.process_time_ns(), flush=True)


def _milliseconds(moment: datetime) -> int:
    return round(moment.astimezone(UTC).timestamp() * 1000)
