"""Dates, moments, numbers and amounts at the ends of their ranges, through all that the worker does with a record.

Nothing of it may be undecidable: what the edges take is decided, and what they refuse changes nothing.
"""

import json
from datetime import date, timedelta
from typing import Any

from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from core.calendar import time_zone_names
from core.changelog import Changelog
from core.duplicates import DuplicateWindow
from core.emission import release_resumes
from core.moment import END_OF_TIME, format_moment, parse_moment
from core.state import PartitionState
from core.state_changes import take_changes
from streams.dead_letters.outbox import ARRIVAL_HEADER, Outbox
from streams.kafka.codec import encode
from streams.kafka.topics import INPUTS, Topic
from streams.worker.apply import RecordApplier
from tests.core.test_ends_of_time import moments

NOW = parse_moment("2025-09-08T12:00:00Z")
INT64 = 1 << 63
DAY = timedelta(days=1)

dates = (
    st.dates(date.min, date.min + 3 * DAY)
    | st.dates(date.max - 3 * DAY, date.max)
    | st.dates(date(2025, 9, 6), date(2025, 9, 10))
    | st.dates()
).map(str) | st.sampled_from(["0000-01-01", "10000-01-01", "2025-02-29", ""])
clocks = st.sampled_from(
    ["00:00:00", "23:59:59.999", "23:59:60", "24:00:00", "12:00:00.0000001", "00:00:00.999999999999"]
)
offsets = st.sampled_from(["Z", "+00:00", "-00:00", "+23:59", "-23:59", "+14:00", "-12:00", "+24:00", ""])
written = st.builds("{}T{}{}".format, dates, clocks, offsets)
given_moments = written | st.integers(NOW - 10**9, END_OF_TIME).map(format_moment)
amounts = st.sampled_from(
    ["0", "-0", "0.000001", "-0.000001", "999999999999.999999", "-999999999999.999999", "1000000000000", "1e11", "1e-7"]
) | st.decimals(-(10**12), 10**12, places=6).map(str)
budgets = st.none() | amounts
numbers = st.sampled_from([0, 1, 2**31 - 1, 2**31, 2**62, 2**62 + 1, INT64 - 1, INT64, -INT64, 10**30, 10**400])
zone_names = st.sampled_from(sorted(time_zone_names()))
zones = st.builds(
    lambda names, begins: [
        {"time_zone": name, "from": begin} for name, begin in zip(names, [None, *sorted(begins)], strict=False)
    ],
    st.lists(zone_names, min_size=1, max_size=4),
    st.lists(given_moments, max_size=3, unique=True),
)
days = st.lists(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1, unique=True)
wall = st.sampled_from(["00:00", "00:01", "02:30", "12:00", "23:59", "24:00"])
windows = st.lists(st.fixed_dictionaries({"days": days, "from": wall, "to": wall}), max_size=3)
texts = st.text(max_size=5) | st.sampled_from(["x" * 200, "x" * 201, "\x00", "\u2028"])


def _usually(value: Any, others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.just(value) | st.just(value) | others


overrides = st.lists(
    st.fixed_dictionaries({"from": dates, "to": dates, "daily_budget": budgets})
    | st.fixed_dictionaries({"from": dates, "to": dates, "monthly_budget": budgets}),
    max_size=3,
)
brands = st.fixed_dictionaries(
    {"kind": st.just("brand"), "brand_id": st.just("nike"), "zones": zones},
    optional={
        "name": texts,
        "daily_budget": budgets,
        "monthly_budget": budgets,
        "enabled": st.booleans(),
        "archived": st.booleans(),
        "epoch": _usually(1, numbers),
        "pacing": st.sampled_from(["none", "even"]),
        "alert_percents": st.none() | st.lists(st.sampled_from([1, 80, 100, 1000, 1001, 0]), max_size=3),
        "silent_after_minutes": st.none() | st.sampled_from([4, 5, 10_080, 10_081]),
        "budget_overrides": overrides,
    },
)
campaigns = st.fixed_dictionaries(
    {"kind": st.just("campaign"), "brand_id": st.just("nike"), "campaign_id": st.just("a")},
    optional={
        "name": texts,
        "external_id": st.none() | texts,
        "daily_budget": budgets,
        "total_budget": budgets,
        "starts_on": st.none() | dates,
        "ends_on": st.none() | dates,
        "windows": windows,
        "budget_overrides": overrides,
        "enabled": st.booleans(),
        "archived": st.booleans(),
    },
)
spends = st.fixed_dictionaries(
    {"brand_id": st.just("nike"), "campaign_id": st.sampled_from(["a", "b"]), "amount": amounts},
    optional={"occurred_at": given_moments, "currency": st.just("USD")},
)
corrections = st.fixed_dictionaries(
    {"brand_id": st.just("nike"), "campaign_id": st.sampled_from(["a", "b"]), "amount": amounts, "booked_on": dates},
    optional={"opening": st.booleans(), "reason": texts},
)
snapshots = st.fixed_dictionaries(
    {
        "source": st.just("g"),
        "brand_id": st.just("nike"),
        "campaign_id": st.sampled_from(["a", "b"]),
        "day": dates,
        "cost": amounts,
        "as_of": given_moments,
    },
    optional={"currency": st.just("USD")},
)
ticks = st.fixed_dictionaries({"tick_id": texts, "due_at": given_moments})
resets = st.fixed_dictionaries(
    {
        "reset_id": texts,
        "kind": st.sampled_from(["daily", "monthly"]),
        "time_zone": zone_names,
        "period": dates,
        "due_at": given_moments,
    }
)
values = {
    Topic.SPEND_EVENTS: spends,
    Topic.CATALOG: brands | campaigns,
    Topic.SPEND_SNAPSHOTS: snapshots,
    Topic.SPEND_CORRECTIONS: corrections,
    Topic.DAYPARTING_TICKS: ticks,
    Topic.BUDGET_RESETS: resets,
}
inputs = st.sampled_from(INPUTS).flatmap(lambda topic: st.tuples(st.just(topic), values[topic]))
#: As tests/streams/kafka/test_record_batches.py says that they are read.
arrivals = st.integers(NOW, NOW + 10**9) | st.sampled_from([0, 1, END_OF_TIME - 1, END_OF_TIME])
headers = st.just(()) | written.map(lambda text: ((ARRIVAL_HEADER, text.encode()),))
steps = st.tuples(inputs, arrivals, headers, st.none() | numbers)


class Undecided(RecordApplier):
    """Tells what would be an alarm."""

    def note_undecidable(self, topic: str, offset: int, error: Exception) -> None:
        raise AssertionError(f"{topic}@{offset}") from (error.__cause__ or error)


@given(given_times=st.booleans(), founding=brands, steps=st.lists(steps, max_size=12), now=st.just(NOW) | moments)
def test_whatever_the_ends_of_its_fields_a_record_is_decided_and_what_it_leaves_can_be_written_and_restored(
    given_times: bool, founding: dict[str, Any], steps: list[Any], now: int
) -> None:
    state, outbox = PartitionState(0, DuplicateWindow(100)), Outbox()
    applier = Undecided(state, outbox, partitions=1, given_times=given_times)
    kept = Changelog()
    every = [((Topic.CATALOG, founding), NOW, (), None), *steps]
    for offset, ((topic, value), arrival, extra, version) in enumerate(every):
        record = _record(topic, offset, value, arrival, extra, version)
        assert applier.apply(topic, record, now, catalog_complete=True)
        due = [(brand, campaign, campaign.pending_resume) for brand, campaign in state.pending_resumes.values()]
        assert release_resumes(state, [(brand, campaign) for brand, campaign, awaited in due if awaited]) == []
        for key, written_value in take_changes(state, {}, {topic.value: offset + 1}):
            assert kept.apply(key, written_value).skipped is None
        for message in (*state.commands, *state.alerts, *(event for event, _ in state.spend_events)):
            encode(message)
        state.commands.clear()
        state.alerts.clear()
        state.spend_events.clear()
        outbox.take()
    restored, skipped = PartitionState(0, DuplicateWindow(100)), list[str]()
    kept.restore(restored, lambda key, why: skipped.append(f"{key}: {why}"))
    assert skipped == []
    for brand_id, brand in state.brands.items():
        again = restored.brands[brand_id]
        assert (again.daily_micros, again.monthly_micros) == (brand.daily_micros, brand.monthly_micros)


def _record(
    topic: Topic, offset: int, value: dict[str, Any], arrival: int, extra: Any, version: int | None
) -> ConsumerRecord:
    key, filled = b"nike", value
    if topic is Topic.CATALOG:
        filled = {"version": offset + 1 if version is None else version, "currency": "USD", **value}
        key = b"nike/a" if value["kind"] == "campaign" else key
    elif topic is Topic.SPEND_EVENTS:
        filled = {"event_id": f"e{offset}", **value}
    elif topic is Topic.SPEND_CORRECTIONS:
        filled = {"correction_id": f"c{offset}", **value}
    raw = json.dumps(filled).encode()
    return ConsumerRecord(topic, 0, offset, arrival, 0, key, raw, None, len(key), len(raw), extra)
