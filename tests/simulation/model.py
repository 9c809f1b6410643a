"""What must be true of a brand, worked out from scratch: a list of all that was counted, and the documents in force."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from core.calendar import Zones, ZoneSpan, date_of, date_starts_at
from core.moment import MINUTE, Moment, parse_moment
from tests.simulation.history import Record
from tests.simulation.wall_clock import in_flight, in_window

TOLERANCE = 5 * MINUTE
DAYS_HELD = 62


@dataclass(frozen=True)
class Counted:
    """One row of the ledger: booked to the moment it happened at, or to the date that a correction names."""

    campaign_id: str
    micros: int
    occurred_at: Moment | None
    booked_on: date | None = None


@dataclass(frozen=True)
class Totals:
    """Of the day and month open at a moment, and of all time; the month includes what is dated to its later days."""

    day: date
    daily: int
    monthly: int
    campaigns_daily: dict[str, int]
    campaigns_ever: dict[str, int]


@dataclass
class ModelBrand:
    document: dict[str, Any] | None = None
    zones: Zones = ()
    campaigns: dict[str, dict[str, Any] | None] = field(default_factory=dict)  # None: its document is broken
    versions: dict[str, int] = field(default_factory=dict)
    ledger: list[Counted] = field(default_factory=list)
    amounts: dict[str, int] = field(default_factory=dict)  # of each event id that was counted
    corrections: set[str] = field(default_factory=set)
    costs: dict[tuple[str, str, str], tuple[Moment, int]] = field(default_factory=dict)  # campaign, source, day
    _booked: list[tuple[date, Counted]] = field(default_factory=list)
    _totals: Totals | None = None

    _newest: Counted | None = None  # counted by the record that was applied last
    _opened: date | None = None
    _spent_before: int = 0
    _paced_by: str | None = None
    _allowance: int | None = None

    def count(self, row: Counted) -> None:
        self._newest = row
        self.ledger.append(row)
        self._booked.append((self._date(row), row))
        self._totals = None

    def totals(self, clock: Moment) -> Totals:
        day = date_of(self.zones, clock)
        if self._totals is None or self._totals.day != day:
            self._totals = self._add_up(day)
        return self._totals

    def settle(self, clock: Moment) -> None:
        """After each record: a day that it began was begun before the record itself was counted."""
        newest, self._newest = self._newest, None
        brand, day = self.document, date_of(self.zones, clock)
        assert brand
        paced_by = _in_force_on(brand, "monthly_budget", day) if brand.get("pacing") == "even" else None
        if (day, paced_by) == (self._opened, self._paced_by):
            return
        if day != self._opened:
            first, rows = day.replace(day=1), (it for it in self._booked if it[1] is not newest)
            self._spent_before = sum(row.micros for booked_on, row in rows if first <= booked_on < day)
        self._opened, self._paced_by = day, paced_by
        self._allowance = None
        if paced_by is not None:
            starts_at, ends_at = (date_starts_at(self.zones, it) for it in (day, day + timedelta(days=1)))
            month_ends_at = date_starts_at(self.zones, (day.replace(day=1) + timedelta(days=31)).replace(day=1))
            left = max(0, _micros(paced_by) - self._spent_before)
            self._allowance = left * (ends_at - starts_at) // (month_ends_at - starts_at)

    def reasons(self, campaign_id: str, clock: Moment) -> list[str]:
        brand, campaign = self.document, self.campaigns[campaign_id]
        assert brand
        time_zone = next(it["time_zone"] for it in reversed(brand["zones"]) if _in_force(it, clock))
        totals, document = self.totals(clock), campaign or {}
        holds = {
            "archived": brand.get("archived", False) or document.get("archived", False),
            "campaign_daily_budget": _used_up(
                _in_force_on(document, "daily_budget", totals.day), totals.campaigns_daily.get(campaign_id, 0)
            ),
            "campaign_total_budget": _used_up(document.get("total_budget"), totals.campaigns_ever.get(campaign_id, 0)),
            "daily_budget": _used_up(_in_force_on(brand, "daily_budget", totals.day), totals.daily),
            "flight": not in_flight(document.get("starts_on"), document.get("ends_on"), time_zone, clock),
            "invalid": campaign is None,
            "manual": not brand.get("enabled", True) or not document.get("enabled", True),
            "monthly_budget": _used_up(_in_force_on(brand, "monthly_budget", totals.day), totals.monthly),
            "pacing": self._allowance is not None and totals.daily >= self._allowance,
            "schedule": not in_window(document.get("windows", []), time_zone, clock),
        }
        return [name for name, it_holds in holds.items() if it_holds]

    def put_in_force(self, document: dict[str, Any]) -> None:
        self.document = document
        self.zones = tuple(
            ZoneSpan(it["time_zone"], parse_moment(it["from"]) if it["from"] else None) for it in document["zones"]
        )
        booked = [(self._date(row), row) for row in self.ledger]
        assert booked == self._booked, "a zone change has booked spend again"

    def _add_up(self, day: date) -> Totals:
        daily, monthly = 0, 0
        campaigns_daily: dict[str, int] = defaultdict(int)
        campaigns_ever: dict[str, int] = defaultdict(int)
        for booked_on, row in self._booked:
            campaigns_ever[row.campaign_id] += row.micros
            if (booked_on.year, booked_on.month) == (day.year, day.month):
                monthly += row.micros
            if booked_on == day:
                daily += row.micros
                campaigns_daily[row.campaign_id] += row.micros
        return Totals(day, daily, monthly, campaigns_daily, campaigns_ever)

    def _date(self, row: Counted) -> date:
        if row.booked_on:
            return row.booked_on
        assert row.occurred_at is not None
        return date_of(self.zones, row.occurred_at)


@dataclass
class Model:
    clock: Moment = 0  # the highest tick
    brands: dict[str, ModelBrand] = field(default_factory=dict)

    def apply(self, record: Record, clock: Moment) -> str | None:
        """Take a record, at the highest moment that its brand has seen; answer what must become of it, by the name of a
        verdict or of a refusal."""
        match record.topic:
            case "spend-snapshots":
                return self._take_total(json.loads(record.value), record.arrival, max(clock, record.arrival))
            case "spend-events":
                return self._spend(json.loads(record.value), record.arrival)
            case "spend-corrections":
                return self._correct(json.loads(record.value))
            case "catalog":
                brand = self.brands.setdefault(record.brand_id, ModelBrand())
                if record.campaign_id:
                    return _campaign_document(brand, record.campaign_id, record.value)
                return _brand_document(brand, json.loads(record.value))
            case "dayparting-ticks":
                due_at = parse_moment(json.loads(record.value)["due_at"])
                self.clock = max(self.clock, min(due_at, record.arrival))
        return None

    def _spend(self, event: dict[str, Any], arrival: Moment) -> str:
        brand = self.brands.get(event["brand_id"])
        if brand is None or brand.document is None:
            return "UNKNOWN_BRAND"
        if event["currency"] not in (None, "USD"):
            return "CURRENCY_MISMATCH"
        occurred_at = parse_moment(event["occurred_at"]) if "occurred_at" in event else arrival
        if occurred_at > arrival + TOLERANCE:
            return "OCCURRED_IN_FUTURE"
        micros = _micros(event["amount"])
        counted_before = brand.amounts.get(event["event_id"])
        if counted_before is not None:
            return "DUPLICATE" if counted_before == micros else "DUPLICATE_OF_OTHER_AMOUNT"
        brand.amounts[event["event_id"]] = micros
        brand.count(Counted(event["campaign_id"], micros, occurred_at))
        return "COUNTED" if event["campaign_id"] in brand.campaigns else "COUNTED_FOR_UNKNOWN_CAMPAIGN"

    def _take_total(self, total: dict[str, Any], arrival: Moment, now: Moment) -> str:
        brand = self.brands.get(total["brand_id"])
        if brand is None or brand.document is None:
            return "UNKNOWN_BRAND"
        as_of, day = parse_moment(total["as_of"]), date.fromisoformat(total["day"])
        open_day = date_of(brand.zones, now)
        starts_at, ends_at = (date_starts_at(brand.zones, it) for it in (day, day + timedelta(days=1)))
        refusals = {
            "CURRENCY_MISMATCH": total["currency"] not in (None, "USD"),
            "OCCURRED_IN_FUTURE": as_of > arrival + TOLERANCE or day > open_day,
            "SNAPSHOT_TOO_OLD": (open_day - day).days > DAYS_HELD,
            "INVALID_FIELD": starts_at >= ends_at,
        }
        for refusal, holds in refusals.items():
            if holds:
                return refusal
        key, cost = (total["campaign_id"], total["source"], total["day"]), _micros(total["cost"])
        held_as_of, held_cost = brand.costs.get(key, (None, 0))
        if held_as_of is not None and as_of <= held_as_of:
            return "DUPLICATE_OF_OTHER_AMOUNT" if as_of == held_as_of and cost != held_cost else "STALE"
        brand.costs[key] = as_of, cost
        if cost == held_cost:
            return "APPLIED"
        occurred_at = as_of if starts_at <= as_of < ends_at else ends_at - 1
        brand.count(Counted(total["campaign_id"], cost - held_cost, max(starts_at, min(occurred_at, arrival))))
        return "COUNTED"

    def _correct(self, record: dict[str, Any]) -> str:
        brand = self.brands.get(record["brand_id"])
        if brand is None or brand.document is None:
            return "UNKNOWN_BRAND"
        if record["correction_id"] in brand.corrections:
            return "DUPLICATE"
        brand.corrections.add(record["correction_id"])
        booked_on = date.fromisoformat(record["booked_on"])
        brand.count(Counted(record["campaign_id"], _micros(record["amount"]), None, booked_on))
        return "COUNTED"


def _brand_document(brand: ModelBrand, document: dict[str, Any]) -> str:
    if brand.document and document["version"] <= brand.document["version"]:
        return "STALE"
    if document["currency"] != "USD" and brand.ledger:
        return "CURRENCY_MISMATCH"
    if document["currency"] != "USD":
        raise AssertionError("histories change no currency before the first spend")
    brand.put_in_force(document)
    return "APPLIED"


def _campaign_document(brand: ModelBrand, campaign_id: str, value: bytes) -> str:
    held = brand.versions.get(campaign_id)
    try:
        document = json.loads(value)
    except ValueError:
        document = {}
    version = document.get("version", held or 0)
    if held is not None and "version" in document and version <= held:
        return "STALE"
    brand.versions[campaign_id] = version
    brand.campaigns[campaign_id] = document if "campaign_id" in document else None
    return "APPLIED"


def _used_up(budget: str | None, spent: int) -> bool:
    return budget is not None and (_micros(budget) == 0 or spent >= _micros(budget))


def _in_force_on(document: dict[str, Any], budget: str, day: date) -> str | None:
    for override in document.get("budget_overrides", []):
        if budget in override and override["from"] <= day.isoformat() <= override["to"]:
            in_force: str | None = override[budget]
            return in_force
    usual: str | None = document.get(budget)
    return usual


def _in_force(zone: dict[str, Any], clock: Moment) -> bool:
    return zone["from"] is None or parse_moment(zone["from"]) <= clock


def _micros(amount: str) -> int:
    return int(Decimal(amount) * 1_000_000)
