"""A plan is what its seed says, and its totals are those of its records, counted by rules written down here again."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.calendar import ZoneSpan
from core.moment import HOUR, MINUTE, format_moment, parse_moment
from core.money import parse_money
from core.partitioner import partition_of
from core.spend import Spend, read_spend
from simulation.brands import SimulatedBrand
from simulation.comparison import planned_by_key
from simulation.day import DayOptions, DayPlan
from simulation.traffic import Mix, PlannedRecord, SpendGenerator
from streams.kafka.topics import Topic

PARTITIONS = 4
DAY = 24 * HOUR
SUNDAY = date(2025, 8, 31)  # the last of a month, so that late events lie in it and resets in the next
EVERYTHING = Mix(duplicates=0.2, late=0.2, refunds=0.1, wrong_keys=0.1)


def _plan(**options: object) -> DayPlan:
    chosen = {"day": SUNDAY, "events": 3_000, "brands": 16, "mix": EVERYTHING, **options}
    return DayPlan(DayOptions(**chosen), name="sim", partitions=PARTITIONS)  # type: ignore[arg-type]


def _spend(records: Iterable[PlannedRecord]) -> list[PlannedRecord]:
    return [record for record in records if record.topic is Topic.SPEND_EVENTS]


def test_a_seed_repeats_a_day_to_the_byte_and_another_makes_another() -> None:
    assert list(_plan(seed=7).records()) == list(_plan(seed=7).records())
    assert list(_plan(seed=7).records()) != list(_plan(seed=8).records())


def test_the_totals_are_those_of_the_first_copies_by_local_date() -> None:
    plan = _plan()
    zones = {brand.brand_id: ZoneInfo(brand.zones[0].time_zone) for brand in plan.brands}
    wanted: Counter[tuple[str, str | None, str, date | None]] = Counter()
    seen = set()
    for record in _spend(plan.records()):
        event = json.loads(record.value)
        brand_id, campaign_id = event["brand_id"], event["campaign_id"]
        if (brand_id, event["event_id"]) in seen:
            continue
        seen.add((brand_id, event["event_id"]))
        day = datetime.fromisoformat(event["occurred_at"]).astimezone(zones[brand_id]).date()
        micros = parse_money(event["amount"])
        assert isinstance(micros, int)
        for whose in (None, campaign_id):
            wanted[brand_id, whose, "day", day] += micros
            wanted[brand_id, whose, "month", day.replace(day=1)] += micros
        wanted[brand_id, campaign_id, "total", None] += micros
    assert planned_by_key(plan.generator.totals) == dict(wanted)
    assert len(seen) == plan.generator.counts["events"] == 3_000
    assert {key[3] for key in wanted if key[2] == "month"} == {date(2025, 8, 1), date(2025, 9, 1)}


def test_every_event_is_one_that_the_controller_takes() -> None:
    plan = _plan()
    counts: Counter[str] = Counter()
    ids = set()
    for record in _spend(plan.records()):
        spend = read_spend(record.value)
        assert isinstance(spend, Spend), spend
        assert spend.occurred_at is not None and spend.occurred_at <= record.at
        home = partition_of(spend.brand_id, PARTITIONS)
        counts["wrong_keys"] += (record.key, record.partition) != (spend.brand_id.encode(), home)
        if spend.event_id in ids:
            counts["duplicates"] += 1
            continue
        ids.add(spend.event_id)
        assert spend.occurred_at > record.at - 2 * DAY
        counts["late"] += spend.occurred_at < record.at
    for kind in ("duplicates", "late", "wrong_keys"):
        assert counts[kind] == plan.generator.counts[kind] > 100
    assert plan.generator.counts["refunds"] > 100


def test_what_is_not_asked_for_does_not_happen() -> None:
    plan = _plan(mix=Mix(duplicates=0, late=0, refunds=0, wrong_keys=0))
    records = _spend(plan.records())
    assert len(records) == len({record.value for record in records}) == 3_000
    assert plan.generator.counts == Counter(events=3_000)


def test_a_day_comes_in_the_order_of_its_times_after_its_catalog() -> None:
    plan = _plan()
    records = list(plan.records())
    assert [it.at for it in records] == sorted(it.at for it in records)
    assert records[0].at == plan.starts_at and records[-1].at == plan.starts_at + DAY
    documents = [record for record in records if record.topic is Topic.CATALOG]
    assert records[: len(documents)] == documents
    assert len(documents) == 16 * (1 + 3)


def test_every_minute_has_its_tick_and_every_local_midnight_its_resets_in_each_partition() -> None:
    plan = _plan()
    records = list(plan.records())
    ticks = Counter(record.at for record in records if record.topic is Topic.DAYPARTING_TICKS)
    assert ticks == {plan.starts_at + minute * MINUTE: PARTITIONS for minute in range(24 * 60 + 1)}
    resets = {
        (reset["kind"], reset["time_zone"], reset["due_at"]): record.at
        for record in records
        if record.topic is Topic.BUDGET_RESETS and (reset := json.loads(record.value))
    }
    for time_zone in {brand.zones[0].time_zone for brand in plan.brands}:
        for day in (SUNDAY, SUNDAY + timedelta(days=1)):
            midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone))
            at = round(midnight.timestamp() * 1000)
            kinds = ("daily", "monthly") if day.day == 1 else ("daily",)
            for kind in kinds if plan.starts_at <= at <= plan.ends_at else ():
                assert resets.pop((kind, time_zone, format_moment(at))) == at
    assert not resets


@pytest.mark.parametrize("rush_hour", [0, 12, 23])
def test_most_events_come_in_the_rush_hour(rush_hour: int) -> None:
    plan = _plan(rush_hour=rush_hour)
    by_hour = Counter((record.at - plan.starts_at) // HOUR for record in _spend(plan.records()))
    assert by_hour.most_common(1)[0][0] == rush_hour
    assert by_hour[rush_hour] > 2 * by_hour[(rush_hour + 12) % 24]


def test_live_spend_is_booked_by_the_zones_that_a_brand_had() -> None:
    """Of two zones the one that was in force when it occurred."""
    moved_at = parse_moment("2025-09-08T20:00:00Z")
    zones = (ZoneSpan("Asia/Karachi", None), ZoneSpan("America/Los_Angeles", moved_at))
    brand = SimulatedBrand("nike", zones, "USD", ("nike-1",))
    generator = SpendGenerator([brand], Mix(duplicates=0, late=0), seed=1, name="live", partitions=1)
    for moment, day in (("2025-09-08T18:59:59Z", 8), ("2025-09-08T19:30:00Z", 9), ("2025-09-10T06:59:59Z", 9)):
        before = Counter({booked.day: micros for booked, micros in generator.totals.booked.items()})
        list(generator.spend_at(parse_moment(moment)))
        after = Counter({booked.day: micros for booked, micros in generator.totals.booked.items()})
        after.subtract(before)
        assert {it for it, micros in after.items() if micros} == {date(2025, 9, day)}
