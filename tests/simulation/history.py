"""Random days of a partition: what producers, operators and the scheduler send, in the order it is applied.

Everything comes from one seed, so a failing seed is a failing test for ever.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum, auto
from random import Random
from typing import Any

from core.moment import HOUR, MINUTE, SECOND, Moment, format_moment, parse_moment
from tests.simulation.wall_clock import DAY_NAMES, ONE_DAY, day_begins_at

DAY = 24 * HOUR
ZONES = (
    "America/Santiago",
    "America/Havana",
    "America/New_York",
    "America/Los_Angeles",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/St_Johns",
    "Asia/Karachi",
    "UTC",
)
#: Eves of the days that go wrong: clocks that hide or repeat midnight, a skipped date, ends of months and years.
STARTS = (
    "2011-12-28",
    "2024-02-27",
    "2025-03-07",
    "2025-04-04",
    "2025-09-05",
    "2025-09-28",
    "2025-10-03",
    "2025-10-31",
    "2025-12-29",
    "2026-03-06",
    "2026-10-30",
)
CLOCKS = ("00:00", "00:30", "01:30", "02:15", "06:00", "09:00", "12:00", "17:00", "22:00", "23:45")
BROKEN = (b"no json", b"{}", b'{"version":%d}', b'{"version":%d,"windows":7}')


class Mark(Enum):
    """What the worker does between records."""

    RELEASE = auto()  # no spend is outstanding: awaited resumes are told
    FLUSH = auto()
    KILL = auto()


@dataclass(frozen=True)
class Record:
    topic: str
    brand_id: str  # "" for ticks and resets
    campaign_id: str  # "" for what is not a campaign's
    value: bytes
    arrival: Moment
    offset: int


Step = Record | Mark
Intent = tuple[Moment, Callable[[Moment], None]]


def history(seed: int, days: int) -> list[Step]:
    """The steps of so many days."""
    return _Author(Random(seed), days).write()


@dataclass
class _Author:
    random: Random
    days: int
    steps: list[Step] = field(default_factory=list)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    sent: list[dict[str, Any]] = field(default_factory=list)
    reported: list[dict[str, Any]] = field(default_factory=list)  # totals of platforms
    now: Moment = 0  # the highest arrival so far
    backlog: int = 0  # steps for which spend stays outstanding, so that no resume is told
    whole: bool = False  # amounts and budgets without fractions, so that spend meets budgets exactly

    def write(self) -> list[Step]:
        start = parse_moment(f"{self.random.choice(STARTS)}T00:00:00Z") + self.random.randrange(24) * HOUR
        self.now = start
        self.whole = self.random.random() < 0.5
        self._found_brands(start)
        intents: list[Intent] = []
        for day in range(self.days):
            intents += self._plan_day(start + day * DAY)
        for moment, act in sorted(intents, key=lambda intent: intent[0]):
            self.now = max(self.now, moment)
            act(self._unsettled(moment))
            self._work()
        return self.steps

    def _unsettled(self, moment: Moment) -> Moment:
        """Arrivals of several topics are not in order: the worker takes the lowest of those at hand only."""
        return moment - self.random.randrange(10 * MINUTE) if self.random.random() < 0.05 else moment

    def _work(self) -> None:
        if self.random.random() < 0.02:
            self.backlog = self.random.randint(5, 60)
        if self.backlog > 0:
            self.backlog -= 1
        elif self.random.random() < 0.9:
            self.steps.append(Mark.RELEASE)
        if self.random.random() < 0.1:
            self.steps.append(Mark.FLUSH)
        if self.random.random() < 0.01:
            self.steps.append(Mark.KILL)

    def _found_brands(self, start: Moment) -> None:
        for brand_id in ("nike", "puma", "asics")[: self.random.randint(1, 3)]:
            self._new_brand(brand_id)
            documents = [brand_id]
            for name in ("a", "b", "c")[: self.random.randint(1, 3)]:
                documents.append(self._new_campaign(brand_id, f"{brand_id}-{name}"))
            if self.random.random() < 0.2:
                self.random.shuffle(documents)
            for key in documents:
                self._publish(key, start)

    def _new_brand(self, brand_id: str) -> None:
        self.documents[brand_id] = {
            "kind": "brand",
            "brand_id": brand_id,
            "version": 0,
            "zones": [{"time_zone": self.random.choice(ZONES), "from": None}],
            "currency": "USD",
            "daily_budget": self._budget(30, 80),
            "monthly_budget": self._budget(80, 300),
            "silent_after_minutes": 45,
        }
        if self.documents[brand_id]["monthly_budget"] is not None and self.random.random() < 0.5:
            self.documents[brand_id]["pacing"] = "even"

    def _new_campaign(self, brand_id: str, campaign_id: str) -> str:
        key = f"{brand_id}/{campaign_id}"
        self.documents[key] = {
            "kind": "campaign",
            "brand_id": brand_id,
            "campaign_id": campaign_id,
            "version": 0,
            "daily_budget": self._budget(10, 40),
            "total_budget": self._budget(60, 200),
            "windows": self._windows(),
            **self._flight(),
        }
        return key

    def _budget(self, low: int, high: int) -> str | None:
        kind = self.random.random()
        if kind < 0.3:
            return None
        cents = 0 if self.whole else self.random.randrange(100)
        return "0" if kind < 0.33 else f"{self.random.randint(low, high)}.{cents:02d}"

    def _windows(self) -> list[dict[str, Any]]:
        return [self._window() for _ in range(self.random.choice((0, 0, 1, 1, 2, 3)))]

    def _window(self) -> dict[str, Any]:
        from_, to = self.random.sample((*CLOCKS, "24:00"), 2)
        if from_ == "24:00":
            from_, to = to, from_
        days = [day for day in DAY_NAMES if self.random.random() < 0.7] or ["sun"]
        return {"days": days, "from": from_, "to": to}

    def _flight(self) -> dict[str, str | None]:
        if self.random.random() < 0.7:
            return {"starts_on": None, "ends_on": None}
        today = _date(self.now)
        starts_on = today + self.random.randint(-2, 3) * ONE_DAY
        ends_on = starts_on + self.random.randint(0, 4) * ONE_DAY
        return {
            "starts_on": starts_on.isoformat() if self.random.random() < 0.7 else None,
            "ends_on": ends_on.isoformat() if self.random.random() < 0.7 else None,
        }

    def _plan_day(self, start: Moment) -> list[Intent]:
        random = self.random
        plan: list[Intent] = []
        for _ in range(random.randint(20, 90)):
            plan.append((start + random.randrange(DAY), self._spend))
        for midnight in self._midnights(start):
            plan += [(midnight + random.randint(-6, 6) * MINUTE + random.randrange(MINUTE), self._spend) for _ in "123"]
            plan += self._resets(midnight)
        for _ in range(random.randrange(5)):
            plan.append((start + random.randrange(DAY), self._edit))
        for _ in range(random.choice((0, 0, 0, 1, 2))):
            plan.append((start + random.randrange(DAY), self._correct))
        for _ in range(random.choice((0, 0, 3, 12))):
            plan.append((start + random.randrange(DAY), self._report_total))
        return plan + self._ticks(start)

    def _midnights(self, start: Moment) -> list[Moment]:
        found = set()
        for key, document in self.documents.items():
            if "/" not in key:
                for days in (-1, 0, 1, 2):
                    midnight = day_begins_at(document["zones"][-1]["time_zone"], _date(start) + days * ONE_DAY)
                    if start <= midnight < start + DAY:
                        found.add(midnight)
        return sorted(found)

    def _ticks(self, start: Moment) -> list[Intent]:
        every = self.random.choice((5, 15, 15, 60, 60, 6 * 60)) * MINUTE
        plan: list[Intent] = []
        for due_at in range(start, start + DAY, every):
            if self.random.random() < 0.1:
                continue
            for _ in range(self.random.choice((1, 1, 1, 1, 1, 1, 1, 2))):
                plan.append((due_at + self._delay(), self._tick(due_at)))
        return plan

    def _resets(self, midnight: Moment) -> list[Intent]:
        zones = {span["time_zone"] for key, it in self.documents.items() if "/" not in key for span in it["zones"]}
        plan: list[Intent] = []
        for time_zone in sorted(zones):
            for _ in range(self.random.choice((0, 1, 1, 2))):
                plan.append((midnight + self._delay(), self._reset(time_zone, midnight)))
        return plan

    def _delay(self) -> int:
        return self.random.randrange(3 * HOUR) if self.random.random() < 0.05 else self.random.randrange(3 * SECOND)

    def _tick(self, due_at: Moment) -> Callable[[Moment], None]:
        return lambda arrival: self._put("dayparting-ticks", "", "", {"due_at": format_moment(due_at)}, arrival)

    def _reset(self, time_zone: str, due_at: Moment) -> Callable[[Moment], None]:
        record = {"time_zone": time_zone, "due_at": format_moment(due_at)}
        return lambda arrival: self._put("budget-resets", "", "", record, arrival)

    def _spend(self, arrival: Moment) -> None:
        random = self.random
        if self.sent and random.random() < 0.08:
            event = dict(random.choice(self.sent[-200:]))
            if random.random() < 0.1:
                event["amount"] = "9"
        else:
            event = self._new_spend(arrival)
            self.sent.append(event)
        self._put("spend-events", event["brand_id"], event["campaign_id"], event, arrival)

    def _new_spend(self, arrival: Moment) -> dict[str, Any]:
        random = self.random
        key = random.choice([key for key in self.documents if "/" in key])
        brand_id, campaign_id = key.split("/")
        micros = random.choice((random.randint(1, 9), random.randint(10**4, 10**6), random.randint(10**6, 8 * 10**6)))
        if random.random() < 0.03:
            micros = random.randint(20, 60) * 10**6
        amount = f"{max(1, micros // 10**6)}" if self.whole else f"{micros // 10**6}.{micros % 10**6:06d}"
        event = {
            "event_id": f"e{len(self.sent) if random.random() < 0.9 else -len(self.sent)}",
            "brand_id": "unheard-of" if random.random() < 0.01 else brand_id,
            "campaign_id": f"{brand_id}-later" if random.random() < 0.03 else campaign_id,
            "amount": f"-{amount}" if random.random() < 0.08 else amount,
            "currency": random.choice(("USD", None, None, None, None, "EUR")) if random.random() < 0.1 else "USD",
        }
        occurred_at = arrival + self._lateness()
        if random.random() < 0.95:
            event["occurred_at"] = format_moment(occurred_at)
        return event

    def _lateness(self) -> int:
        kind = self.random.random()
        if kind < 0.65:
            return -self.random.randrange(2 * SECOND)
        if kind < 0.75:
            return -self.random.randrange(30 * MINUTE)
        if kind < 0.85:
            return -self.random.randrange(2 * DAY)
        return self.random.randint(0, 5 * MINUTE) if kind < 0.99 else 5 * MINUTE + 1

    def _correct(self, arrival: Moment) -> None:
        key = self.random.choice([key for key in self.documents if "/" in key])
        brand_id, campaign_id = key.split("/")
        record = {
            "correction_id": f"c{self.random.randrange(20)}",
            "brand_id": brand_id,
            "campaign_id": campaign_id,
            "amount": f"{self.random.randint(-20, 20)}.{'00' if self.whole else '50'}",
            "booked_on": (_date(arrival) + self.random.randint(-3, 2) * ONE_DAY).isoformat(),
        }
        self._put("spend-corrections", brand_id, campaign_id, record, arrival)

    def _report_total(self, arrival: Moment) -> None:
        """A platform's total of a campaign and day: late, restated up and down, sometimes one that came before."""
        random = self.random
        if self.reported and random.random() < 0.2:
            total = dict(random.choice(self.reported))
            if random.random() < 0.2:
                total["cost"] = "9"
        else:
            total = self._new_total(arrival)
            self.reported.append(total)
        self._put("spend-snapshots", total["brand_id"], total["campaign_id"], total, arrival)

    def _new_total(self, arrival: Moment) -> dict[str, Any]:
        random = self.random
        brand_id, campaign_id = random.choice([key for key in self.documents if "/" in key]).split("/")
        as_of = arrival - random.randrange(6 * HOUR) if random.random() < 0.95 else arrival + 5 * MINUTE + 1
        day = _date(arrival) + random.choice((0, 0, 0, 0, 0, -1, -1, -3, 1, -70)) * ONE_DAY
        return {
            "source": random.choice(("google-ads", "meta-ads")),
            "brand_id": "unheard-of" if random.random() < 0.02 else brand_id,
            "campaign_id": f"{brand_id}-later" if random.random() < 0.05 else campaign_id,
            "day": day.isoformat(),
            "cost": f"{random.randrange(12)}.{'00' if self.whole else '25'}",
            "currency": random.choice(("USD", "USD", "USD", None, "EUR")) if random.random() < 0.3 else "USD",
            "as_of": format_moment(as_of),
        }

    def _edit(self, arrival: Moment) -> None:
        random = self.random
        key = random.choice(list(self.documents))
        document = self.documents[key]
        if random.random() < 0.12:
            brand_id = key.split("/")[0]
            self._publish(self._new_campaign(brand_id, f"{brand_id}-{random.choice(('later', 'x', 'y'))}"), arrival)
            return
        if random.random() < 0.1:
            self._publish(key, arrival, stale=True)
            return
        if "/" not in key:
            self._edit_brand(document, arrival)
        elif random.random() < 0.1:
            self._break(key, arrival)
            return
        else:
            self._edit_campaign(document)
        self._publish(key, arrival)

    def _edit_brand(self, document: dict[str, Any], arrival: Moment) -> None:
        match self.random.randrange(10):
            case 8:
                document["pacing"] = self.random.choice(("none", "even"))
            case 9:
                document["budget_overrides"] = self._overrides(30, 80) + self._monthly_override()
            case 0 | 1:
                document["daily_budget"] = self._budget(30, 80)
            case 2:
                document["monthly_budget"] = self._budget(80, 300)
            case 3 | 4:
                document["enabled"] = not document.get("enabled", True)
            case 5:
                document["archived"] = not document.get("archived", False)
            case 6:
                self._move_brand(document)
            case 7 if any(it["brand_id"] == document["brand_id"] for it in self.sent[:-50]):
                wrong = document | {"version": document["version"] + 1, "currency": "EUR"}
                self._put("catalog", document["brand_id"], "", wrong, arrival)
        if document["monthly_budget"] is None:
            document["pacing"] = "none"

    def _overrides(self, low: int, high: int) -> list[dict[str, Any]]:
        """Up to three stretches of dates about now, sometimes side by side, in any order."""
        found, day = [], date.fromisoformat(format_moment(self.now)[:10]) - timedelta(days=2)
        for _ in range(self.random.randrange(4)):
            first = day + timedelta(days=self.random.randrange(3))
            last = first + timedelta(days=self.random.choice((0, 0, 1, 3)))
            found.append({"from": first.isoformat(), "to": last.isoformat(), "daily_budget": self._budget(low, high)})
            day = last + timedelta(days=1)
        self.random.shuffle(found)
        return found

    def _monthly_override(self) -> list[dict[str, Any]]:
        """Sometimes of this month, the next or both."""
        if self.random.random() < 0.5:
            return []
        first = date.fromisoformat(format_moment(self.now)[:10]).replace(day=1) + timedelta(
            days=self.random.choice((0, 0, 31))
        )
        first = first.replace(day=1)
        after = (first + timedelta(days=self.random.choice((31, 62)))).replace(day=1)
        last = after - timedelta(days=1)
        return [{"from": first.isoformat(), "to": last.isoformat(), "monthly_budget": self._budget(80, 300)}]

    def _move_brand(self, document: dict[str, Any]) -> None:
        """A zone comes into force now or soon, never in a past that is already decided."""
        last = document["zones"][-1]["from"]
        since = self.now + 1 + self.random.choice((0, self.random.randrange(36 * HOUR)))
        if last is None or parse_moment(last) < since:
            document["zones"] = [
                *document["zones"],
                {"time_zone": self.random.choice(ZONES), "from": format_moment(since)},
            ]

    def _edit_campaign(self, document: dict[str, Any]) -> None:
        match self.random.randrange(8):
            case 7:
                document["budget_overrides"] = self._overrides(10, 40)
            case 0:
                document["daily_budget"] = self._budget(10, 40)
            case 1:
                document["total_budget"] = self._budget(60, 200)
            case 2 | 3:
                document["windows"] = self._windows()
            case 4:
                document.update(self._flight())
            case 5:
                document["enabled"] = not document.get("enabled", True)
            case 6:
                document["archived"] = not document.get("archived", False)

    def _break(self, key: str, arrival: Moment) -> None:
        brand_id, campaign_id = key.split("/")
        value = self.random.choice(BROKEN)
        if b"%d" in value:
            self.documents[key]["version"] += 1
            value %= self.documents[key]["version"]
        self._put("catalog", brand_id, campaign_id, value, arrival)

    def _publish(self, key: str, arrival: Moment, *, stale: bool = False) -> None:
        brand_id, _, campaign_id = key.partition("/")
        if not stale:
            self.documents[key]["version"] += 1
        self._put("catalog", brand_id, campaign_id, self.documents[key], arrival)

    def _put(self, topic: str, brand_id: str, campaign_id: str, value: dict[str, Any] | bytes, arrival: Moment) -> None:
        offset = self.offsets.get(topic, 0)
        self.offsets[topic] = offset + 1
        encoded = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.steps.append(Record(topic, brand_id, campaign_id, encoded, arrival, offset))


def _date(moment: Moment) -> date:
    return date(1970, 1, 1) + timedelta(milliseconds=moment)
