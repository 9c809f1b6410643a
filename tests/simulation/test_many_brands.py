"""A simulated day of many brands in one partition: windows, eight midnights, late spend, refunds, duplicates."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import pairwise

import pytest

from core.records import ControlCommand
from simulation.comparison import brand_totals, planned_by_key
from simulation.day import DayOptions, DayPlan
from streams.kafka.topics import Topic
from tests.lengths import length
from tests.simulation.engine import Engine
from tests.simulation.history import Mark, Record, Step

BRANDS = length(1_000, 100_000)
DAY = DayOptions(day=date(2025, 8, 31), events=BRANDS, brands=BRANDS, campaigns=1)  # the last of a month
#: So many records go into a flush, and so many come again after each kill.
FLUSH_EVERY = BRANDS // 5
KILL_EVERY = BRANDS + FLUSH_EVERY // 2


@pytest.mark.long
@pytest.mark.timeout(600)
def test_every_sum_and_command_of_a_day_of_many_brands_is_there_once() -> None:
    plan = DayPlan(DAY, name="sim", partitions=1)
    engine = Engine(compares=False)
    commands: dict[str, list[ControlCommand]] = defaultdict(list)
    for step in _steps(plan):
        for command in engine.take(step)[1]:
            commands[command.campaign_id].append(command)
    planned = planned_by_key(plan.generator.totals)
    held = dict(total for brand in engine.state.brands.values() for total in brand_totals(brand))
    assert {key: planned.get(key, 0) for key in held} == held
    assert {key for key in planned if key[2] == "total"} <= held.keys()
    assert len(commands) == BRANDS
    for campaign_id, of_campaign in commands.items():
        assert [it.sequence for it in of_campaign] == list(range(1, len(of_campaign) + 1)), campaign_id
        assert all(one.action is not other.action for one, other in pairwise(of_campaign)), campaign_id
    assert sum(map(len, commands.values())) > 2 * BRANDS
    assert engine.kills_taken >= 2


def _steps(plan: DayPlan) -> Iterator[Step]:
    """Resumes are released after each tick and reset: what was sent before it is applied."""
    offsets: Counter[str] = Counter()
    for number, planned in enumerate(plan.records(), start=1):
        brand_id, _, campaign_id = (planned.key or b"").decode().partition("/")
        offset = offsets[planned.topic]
        offsets[planned.topic] += 1
        yield Record(planned.topic, brand_id, campaign_id, planned.value, planned.at, offset)
        if planned.topic in (Topic.DAYPARTING_TICKS, Topic.BUDGET_RESETS) or number == 2 * BRANDS:
            yield Mark.RELEASE
        if number % FLUSH_EVERY == 0:
            yield Mark.FLUSH
        if number % KILL_EVERY == 0:
            yield Mark.KILL
    yield Mark.RELEASE
    yield Mark.FLUSH
    yield Mark.KILL
