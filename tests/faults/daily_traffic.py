"""Traffic with budgets of a day, over a midnight that comes soon, or short of one that a wrong clock would bring.

Each day's sum decides that day, and only that one: a campaign that has spent it is paused until the day is over.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from typing_extensions import override

from tests.faults.traffic import MICROS, PERCENTS, Traffic

__all__ = ["DailyTraffic", "Days"]

_HOUR: Final = 3600
_UNLIMITED: Final = 10**9
_DAILY_BUDGET: Final = 100


class Days(NamedTuple):
    """A time zone and by how much `clock` is behind the machine's."""

    time_zone: str
    behind_seconds: float
    #: By `clock`, in seconds since 1970.
    midnight: float

    def clock(self) -> float:
        return time.time() - self.behind_seconds

    async def until(self, seconds_after_midnight: float) -> None:
        await asyncio.sleep(max(0.0, self.midnight + seconds_after_midnight - self.clock()))

    @classmethod
    def ending_in(cls, seconds: float) -> "Days":
        """Where the last full hour was a midnight, by a clock for which it still is to come."""
        now = time.time()
        midnight = now // _HOUR * _HOUR
        return cls(_zone_of(midnight), now - midnight + seconds, midnight)

    @classmethod
    def ending_within_hours(cls, least_seconds: float) -> "Days":
        """By the machine's clock: the next midnight is a full hour away, or less, but for the least."""
        midnight = ((time.time() + least_seconds) // _HOUR + 1) * _HOUR
        return cls(_zone_of(midnight), 0.0, midnight)

    @property
    def hours_left(self) -> int:
        """Rounded up: by a clock that is so much ahead, it is the next day."""
        return int((self.midnight - self.clock()) // _HOUR) + 1


def _zone_of(midnight: float) -> str:
    """Whose midnight that full hour is."""
    hour = int(midnight // _HOUR) % 24
    return f"Etc/GMT{hour if hour <= 12 else hour - 24:+d}"


class DailyTraffic(Traffic):
    """One more campaign of each brand has a budget of a day. As many brands beside them have one campaign with such a
    budget and no spend after midnight, nor any other record: what resumes them is the scheduler."""

    def __init__(self, brokers: str, prefix: str, partitions: int, *, days: Days, seed: int, brands: int = 4) -> None:
        super().__init__(
            brokers, prefix, partitions, seed=seed, brands=brands, time_zone=days.time_zone, clock=days.clock
        )
        self.days = days
        self._by_day: Counter[tuple[str, str]] = Counter()
        self._hushed = [f"hushed-{number}" for number in range(brands)]
        self._daily = [(it, f"{it}.day") for it in (*self._brands, *self._hushed)]
        self._budgets |= dict.fromkeys(self._daily, _UNLIMITED)

    @override
    async def start(self) -> None:
        for brand in self._hushed:
            await self._brand(brand)
            await self._campaign(brand, f"{brand}.day")
        await super().start()

    async def until_all_have_spent_their_day(self) -> None:
        await self._until(lambda: all(self._last(it) == "pause" for it in self._daily))

    async def until_hushed(self, action: str) -> None:
        """The last command of each campaign that gets nothing any more."""
        await self._until(lambda: all(self._last((it, f"{it}.day")) == action for it in self._hushed))

    @override
    async def finish(self) -> str:
        self._ended.set()
        await asyncio.to_thread(self._sending.join)
        await self._acknowledged()
        await self._until(lambda: all(self._last(it) == self._wanted(it) for it in self._daily))
        self._check_days()
        ended = {day for _, day in self._by_day if day != self._today}
        return f"{len(ended)} days ended; {await super().finish()}"

    @property
    def _today(self) -> str:
        return self._day(self._clock())

    def _wanted(self, of: tuple[str, str]) -> str:
        return "pause" if self._is_spent(of) else "resume"

    def _check_days(self) -> None:
        """A day that is spent pauses once, and what resumes is a later day."""
        for _, campaign in self._daily:
            received = self.commands.of[campaign]
            days = [self._day(datetime.fromisoformat(it["decided_at"]).timestamp()) for it in received]
            paused = [day for day, it in zip(days, received, strict=True) if it["action"] == "pause"]
            spent = [day for (of, day), micros in sorted(self._by_day.items()) if of == campaign and _is_day(micros)]
            assert paused == spent, campaign
            resumed = [day for day, it in zip(days[1:], received[1:], strict=True) if it["action"] == "resume"]
            assert all(before < after for before, after in zip(paused, resumed, strict=False)), campaign

    @override
    def _spending(self, at: float) -> Sequence[tuple[str, str]]:
        if at < self.days.midnight:
            return super()._spending(at)
        return [it for it in self._budgets if it[0] not in self._hushed]

    @override
    def _book(self, campaign: str, micros: int, at: float) -> None:
        super()._book(campaign, micros, at)
        self._by_day[campaign, self._day(at)] += micros

    @override
    def _is_spent(self, of: tuple[str, str]) -> bool:
        return super()._is_spent(of) or (of in self._daily and _is_day(self._by_day[of[1], self._today]))

    @override
    def _reachable(self) -> Counter[tuple[str, int, str]]:
        """Of a day that is over nothing is resolved."""
        reachable = super()._reachable()
        for (campaign, day), micros in self._by_day.items():
            for percent in PERCENTS if campaign.endswith(".day") else ():
                if micros * 100 >= _DAILY_BUDGET * percent * MICROS:
                    reachable[campaign, percent, "raised"] += 1
                    reachable[campaign, percent, "resolved"] += day == self._today
        return +reachable

    @override
    async def _campaign(self, brand: str, campaign: str, **fields: Any) -> None:
        """Without a total budget it has none of a day either."""
        if (brand, campaign) in self._daily and "total_budget" not in fields:
            fields["daily_budget"] = str(_DAILY_BUDGET)
        await super()._campaign(brand, campaign, **fields)


def _is_day(micros: int) -> bool:
    return micros >= _DAILY_BUDGET * MICROS
