"""Topics that refuse what the worker must write, on a real broker whose limits change under way."""

import json
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from aiokafka import AIOKafkaProducer

from core.records import Action
from streams.dead_letters.dead_letter import read_dead_letter
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps
from tests.streams.broker import Broker, brand_in, spend_event
from tests.streams.topic_changes import limit
from tests.streams.watched_worker import WatchedWorker

CAMPAIGNS = 200
DEFAULT_LIMIT = 1_048_588

Headers: TypeAlias = tuple[tuple[str, bytes], ...]

pytestmark = pytest.mark.parametrize("timestamps", [Timestamps.APPEND])


@pytest.fixture
async def watched(broker: Broker, settings: Settings, tmp_path: Path) -> AsyncIterator[WatchedWorker]:
    watched = WatchedWorker(settings, tmp_path / "worker.log")
    await watched.process.started()
    yield watched
    watched.process.kill()


#: Each takes the room that a misplaced spend leaves in its topic, so that its copy, with headers of its own, has none.
HUGE_HEADERS: Final[dict[str, Callable[[int], Headers]]] = {
    "a value": lambda room: (("trace", b"x" * room),),
    "a name": lambda room: (("x" * room, b"trace"),),
    "a hundred": lambda room: (
        *((f"trace-{number:02}", b"x" * 10_000) for number in range(99)),
        ("trace-99", b"x" * (room - 99 * 10_012)),
    ),
}
#: Of so many a reader keeps the first and the last 500, with which the copy has room.
MANY_HEADERS: Final[dict[str, Callable[[int], Headers]]] = {
    "names": lambda room: tuple((f"trace-{number:06}", b"x" * 32) for number in range(room // 50)),
    "names without a value": lambda room: tuple((f"trace-{number:06}", b"") for number in range(room // 17)),
    "one name": lambda room: (("trace", b"x" * 32),) * (room // 43),
}


@pytest.mark.parametrize("limit_of_letters", [DEFAULT_LIMIT, 20_000])
@pytest.mark.parametrize("headers_of", HUGE_HEADERS.values(), ids=HUGE_HEADERS)
async def test_a_misplaced_spend_whose_copy_no_topic_takes_becomes_a_dead_letter(
    broker: Broker,
    watched: WatchedWorker,
    settings: Settings,
    headers_of: Callable[[int], Headers],
    limit_of_letters: int,
) -> None:
    await limit(settings, Topic.DEAD_LETTERS, limit_of_letters)
    value, huge, elsewhere = await _misplaced(broker, headers_of)
    await broker.until(lambda: bool(broker.dead_letters))
    letter = read_dead_letter(broker.dead_letters[0])
    assert (letter.reason, letter.key, letter.value, letter.original_partition) == ("too_large", None, value, elsewhere)
    assert broker.state_of("nike").monthly_micros == 2_000_000
    kept = [it for it in broker.dead_letters[0].headers if it in set(huge)]
    dropped = dict(broker.dead_letters[0].headers)["spendgate-headers-dropped"]
    assert len(kept) + int(dropped) == len(huge)


@pytest.mark.parametrize("headers_of", MANY_HEADERS.values(), ids=MANY_HEADERS)
async def test_a_misplaced_spend_with_thousands_of_headers_is_counted(
    broker: Broker, watched: WatchedWorker, headers_of: Callable[[int], Headers]
) -> None:
    await _misplaced(broker, headers_of)
    await broker.until(lambda: broker.state_of("nike").monthly_micros == 22_000_000)
    assert not broker.dead_letters


async def _misplaced(broker: Broker, headers_of: Callable[[int], Headers]) -> tuple[bytes, Headers, int]:
    """2.00 in their place and 20.00 in another, whose value, headers and partition are returned."""
    await broker.brand("nike", daily_budget=None)
    await broker.campaign("nike", "nike-1")
    await broker.spend("nike", "nike-1", "2.00", event_id="placed")
    value = json.dumps(spend_event("nike", "nike-1", "20.00", "misplaced")).encode()
    huge = headers_of(DEFAULT_LIMIT - len(value) - 120)
    elsewhere = (broker.home("nike") + 1) % broker.settings.partitions
    await broker.publish(Topic.SPEND_EVENTS, value, partition=elsewhere, headers=huge)
    await broker.until_settled()
    return value, huge, elsewhere


async def test_a_letter_that_its_topic_does_not_take_is_cut_also_when_the_limit_falls_under_way(
    broker: Broker, watched: WatchedWorker, settings: Settings
) -> None:
    values = {size: b"%d " % size * (size // 8) for size in (3_000_000, 5_000_000)}
    await limit(settings, Topic.SPEND_EVENTS, 8_000_000)
    producer = AIOKafkaProducer(bootstrap_servers=settings.brokers, compression_type="gzip", max_request_size=8_000_000)
    await producer.start()
    try:
        for size, taken in ((3_000_000, 2_097_152), (5_000_000, 50_000)):
            await limit(settings, Topic.DEAD_LETTERS, taken)
            await producer.send_and_wait(settings.topic(Topic.SPEND_EVENTS), values[size], partition=0)
    finally:
        await producer.stop()
    await broker.until(lambda: len(broker.dead_letters) == 2)
    for record, value in zip(broker.dead_letters, values.values(), strict=True):
        observed = dict(record.headers)
        assert observed["spendgate-value-length"] == b"%d" % len(value)
        assert observed["spendgate-value-sha256"] == sha256(value).hexdigest().encode()
        assert value.startswith(record.value)
        assert len(record.value) > 45_000


async def test_pauses_that_fit_one_by_one_come_though_a_batch_of_them_does_not_fit(
    broker: Broker, watched: WatchedWorker, settings: Settings
) -> None:
    await many_campaigns(broker, "nike")
    await limit(settings, Topic.CAMPAIGN_CONTROL, 2_000)
    await broker.spend("nike", "nike-0", "10", event_id="1")
    await broker.until(lambda: paused(broker) == CAMPAIGNS)


async def test_commands_that_are_refused_stop_one_partition_until_they_are_taken(
    broker: Broker, watched: WatchedWorker, settings: Settings
) -> None:
    await many_campaigns(broker, "nike")
    other = brand_in((broker.home("nike") + 1) % settings.partitions, settings.partitions, "other")
    await broker.brand(other, daily_budget=None)
    await broker.until_settled()
    await limit(settings, Topic.CAMPAIGN_CONTROL, 400)
    await broker.spend("nike", "nike-0", "10", event_id="1")
    topic = settings.topic(Topic.CAMPAIGN_CONTROL)
    await watched.stopped(f"max.message.bytes of {topic} is 400, a command for partition", "nike-")
    await broker.spend("nike", "nike-0", "5", event_id="2")
    # Another partition's spend is counted meanwhile; nothing of the stopped one is told.
    await broker.spend(other, "any", "1", event_id="3")
    await broker.until(lambda: broker.state_of(other).monthly_micros == 1_000_000)
    assert paused(broker) == 0
    await limit(settings, Topic.CAMPAIGN_CONTROL, DEFAULT_LIMIT)
    await broker.until(lambda: paused(broker) == CAMPAIGNS)
    await broker.until_settled()
    assert broker.state_of("nike").monthly_micros == 15_000_000
    assert (await watched.get("/health/ready"))[0] == 200
    assert "partition_goes_on" in watched.process.output


async def test_state_that_is_refused_stops_and_goes_on_with_every_command_told_once(
    broker: Broker, watched: WatchedWorker, settings: Settings
) -> None:
    await many_campaigns(broker, "nike")
    await limit(settings, Topic.CONTROLLER_STATE, 250)
    await broker.spend("nike", "nike-0", "10", event_id="1")
    await watched.stopped(f"max.message.bytes of {settings.topic(Topic.CONTROLLER_STATE)} is 250, a state record")
    await broker.caught_up()
    assert paused(broker) == 0
    await limit(settings, Topic.CONTROLLER_STATE, DEFAULT_LIMIT)
    await broker.until_settled()
    assert paused(broker) == CAMPAIGNS
    assert all(campaign.sequence == 2 for campaign in broker.state_of("nike").campaigns.values())
    assert await watched.process.stop() == 0


async def test_a_stopped_partition_holds_up_no_end_of_its_worker_whose_next_start_tells_the_limit(
    broker: Broker, watched: WatchedWorker, settings: Settings
) -> None:
    await many_campaigns(broker, "nike")
    await limit(settings, Topic.CAMPAIGN_CONTROL, 400)
    await broker.spend("nike", "nike-0", "10", event_id="1")
    await watched.stopped("a command")
    assert await watched.process.stop() == 0
    await watched.process.started()
    assert "topic_limit_too_low" in watched.process.output
    assert f"{settings.topic(Topic.CAMPAIGN_CONTROL)}: max.message.bytes is 400" in watched.process.output
    await limit(settings, Topic.CAMPAIGN_CONTROL, DEFAULT_LIMIT)
    await broker.until(lambda: paused(broker) == CAMPAIGNS)


async def many_campaigns(broker: Broker, brand_id: str) -> None:
    """One brand of 10.00 a day with all of them running."""
    await broker.brand(brand_id, daily_budget="10")
    for number in range(CAMPAIGNS):
        await broker.campaign(brand_id, f"{brand_id}-{number}")
    await broker.until_settled()
    await broker.until(lambda: len(broker.commands) == CAMPAIGNS)


def paused(broker: Broker) -> int:
    observed = [command for command in broker.commands if command.action is Action.PAUSE]
    assert len({command.campaign_id for command in observed}) == len(observed), "a command was told twice"
    return len(observed)
