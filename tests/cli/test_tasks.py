"""`check` and `reset`: what lies on the topics afterwards."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from streams.kafka.reader import topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.commands import Commands


def test_check_puts_the_tick_of_this_minute_on_every_partition(commands: Commands) -> None:
    before = f"{datetime.now(UTC):%Y-%m-%dT%H:%M}:00Z"
    tick = commands.json("check")
    after = f"{datetime.now(UTC):%Y-%m-%dT%H:%M}:00Z"
    assert tick["tick_id"] == tick["due_at"]
    assert tick["due_at"] in (before, after)
    assert _last(Topic.DAYPARTING_TICKS) == {0: tick, 1: tick}


def test_reset_puts_the_open_period_of_the_zone_on_every_partition(commands: Commands) -> None:
    reset = commands.json("reset", "monthly", "--time-zone", "Asia/Karachi")
    assert reset["reset_id"] == f"monthly:Asia/Karachi:{reset['period']}"
    assert reset["due_at"].endswith("T19:00:00Z")
    assert _last(Topic.BUDGET_RESETS) == {0: reset, 1: reset}
    daily = commands.json("reset", "daily", "--time-zone", "Asia/Karachi")
    assert daily["period"].startswith(reset["period"])
    assert daily["kind"] == "daily"


def test_an_unknown_kind_or_zone_is_refused(commands: Commands) -> None:
    assert "daily or monthly" in commands.refused("reset", "weekly", "--time-zone", "UTC")
    assert "IANA" in commands.refused("reset", "daily", "--time-zone", "Mars/Base")


def _last(topic: Topic) -> dict[int, Any]:
    return asyncio.run(_read_last(topic))


async def _read_last(topic: Topic) -> dict[int, Any]:
    async with topic_reader(Settings(), topic) as reader:
        return {record.partition: json.loads(record.value) async for record in reader.to_end()}
