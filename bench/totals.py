"""The sums that each program must come to, added up from the topic by itself, and what differs from them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

__all__ = ["Arrived", "Expected", "Sums", "add_up", "differences", "read_sums"]

#: The micros of the last day and of the last month, by brand; of the day and in all, by brand/campaign.
Sums = dict[str, tuple[int, int]]

_MICROS = 1_000_000


class Arrived(NamedTuple):
    """A record of the spend topic, whose events carry no time of their own."""

    timestamp_ms: int
    value: bytes


class Expected(NamedTuple):
    sums: Sums
    pauses: int


class _Event(msgspec.Struct):
    event_id: str
    brand_id: str
    campaign_id: str
    amount: str


class _Account:
    def __init__(self) -> None:
        self.day = ""
        self.daily = 0
        self.monthly = 0
        self.total = 0
        self.paused = False

    def add(self, day: str, micros: int) -> None:
        if day != self.day:
            self.daily, self.paused = 0, False
            if day[:7] != self.day[:7]:
                self.monthly = 0
            self.day = day
        self.daily += micros
        self.monthly += micros
        self.total += micros


def add_up(records: Iterable[Arrived], budgets: Mapping[str, int]) -> Expected:
    """Sums of brands in UTC, each event id of a brand once. Budgets are micros a day by brand/campaign."""
    seen: set[tuple[str, str]] = set()
    brands: dict[str, _Account] = {}
    campaigns: dict[str, _Account] = {}
    pauses = 0
    for record in records:
        event = msgspec.json.decode(record.value, type=_Event)
        if (event.brand_id, event.event_id) in seen:
            continue
        seen.add((event.brand_id, event.event_id))
        micros = _micros(event.amount)
        day = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC).date().isoformat()
        brands.setdefault(event.brand_id, _Account()).add(day, micros)
        key = f"{event.brand_id}/{event.campaign_id}"
        campaign = campaigns.setdefault(key, _Account())
        campaign.add(day, micros)
        if not campaign.paused and campaign.daily >= budgets.get(key, campaign.daily + 1):
            campaign.paused = True
            pauses += 1
    sums = {brand: (it.daily, it.monthly) for brand, it in brands.items()}
    return Expected(sums | {key: (it.daily, it.total) for key, it in campaigns.items()}, pauses)


def read_sums(lines: Iterable[str]) -> Sums:
    """What a program wrote: name, first and second sum, with tabs between them."""
    rows = [line.rstrip("\n").split("\t") for line in lines]
    sums = {name: (int(first), int(second)) for name, first, second in rows}
    if len(sums) != len(rows):
        raise ValueError("a name stands there twice")
    return sums


def differences(found: Sums, expected: Sums) -> list[str]:
    """Empty where all is as it must be."""
    return [
        f"{name}: {found.get(name)} instead of {expected.get(name)}"
        for name in sorted(found.keys() | expected.keys())
        if found.get(name) != expected.get(name)
    ]


def _micros(amount: str) -> int:
    whole, _, fraction = amount.partition(".")
    return int(whole) * _MICROS + int(fraction.ljust(6, "0"))
