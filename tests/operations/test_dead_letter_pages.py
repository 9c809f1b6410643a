"""Lists of dead letters on a real topic: every letter once and in order, at the cost of what is shown."""

import random
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer

from core.errors import RefusedValue
from local.kafka import LocalKafka
from operations.dead_letters.count import DeadLetterCount
from operations.dead_letters.pages import every_page, page
from operations.dead_letters.search import DeadLetterEntry, DeadLetterFilter
from streams.kafka.reader import TopicReader, topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.installation import Surroundings
from tests.topics import make_topics

PARTITIONS = 3
LETTERS = 1_500


@pytest.fixture
async def settings(kafka: LocalKafka, surroundings: Surroundings, topic_prefix: str) -> Settings:
    settings = Settings(
        brokers=kafka.brokers,
        database_url=surroundings.settings.database_url,
        topic_prefix=topic_prefix,
        partitions=PARTITIONS,
    )
    await make_topics(settings, Topic.DEAD_LETTERS)
    return settings


@pytest.fixture
async def producer(kafka: LocalKafka, topic_prefix: str) -> AsyncIterator[AIOKafkaProducer]:
    """Transactional, so that the topic has offsets without letters."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.brokers, transactional_id=f"{topic_prefix}letters")
    await producer.start()
    yield producer
    await producer.stop()


async def send(producer: AIOKafkaProducer, settings: Settings, count: int, seed: int) -> None:
    drawn = random.Random(seed)
    for start in range(0, count, 100):
        async with producer.transaction():
            for number in range(start, min(start + 100, count)):
                headers = [
                    ("__streams.errors.exception", b"x"),
                    ("spendgate-reason", b"amount_zero" if number % 500 == 7 else b"not_json"),
                ]
                partition = drawn.choice([0, 0, 0, 1])  # very uneven, and none in the last
                topic = settings.topic(Topic.DEAD_LETTERS)
                await producer.send(topic, b"v" * drawn.randrange(2_000), b"k", partition, headers=headers)


async def all_pages(settings: Settings, wanted: DeadLetterFilter, limit: int) -> list[DeadLetterEntry]:
    found: list[DeadLetterEntry] = []
    after: str | None = None
    while True:
        letters, after = await page(settings, wanted, limit=limit, after=after)
        found += letters
        if after is None:
            return found
        assert letters


def check_order(found: list[DeadLetterEntry]) -> None:
    for number in range(PARTITIONS):
        offsets = [it.dead_letter.offset for it in found if it.dead_letter.partition == number]
        assert offsets == sorted(set(offsets), reverse=True)
    moments = [it.dead_letter.refused_at for it in found]
    assert moments == sorted(moments, reverse=True)


async def test_every_letter_is_told_once_newest_first(settings: Settings, producer: AIOKafkaProducer) -> None:
    assert await page(settings, DeadLetterFilter()) == ([], None)
    await send(producer, settings, LETTERS, seed=1)
    found = await all_pages(settings, DeadLetterFilter(), limit=333)
    assert len(found) == LETTERS
    check_order(found)
    assert sum(it.size for it in found) > 0
    assert not [it for it in found if it.dead_letter.value or it.dead_letter.headers]
    assert await every_page(settings, DeadLetterFilter(), limit=LETTERS + 5) == found


async def test_what_comes_between_two_pages_moves_nothing(settings: Settings, producer: AIOKafkaProducer) -> None:
    await send(producer, settings, 60, seed=2)
    first = await page(settings, DeadLetterFilter(), limit=25)
    await send(producer, settings, 40, seed=3)
    rest = await page(settings, DeadLetterFilter(), limit=50, after=first.after)
    assert (len(rest.dead_letters), rest.after) == (35, None)
    check_order([*first.dead_letters, *rest.dead_letters])


async def test_few_that_fit_are_found_however_far_back(settings: Settings, producer: AIOKafkaProducer) -> None:
    await send(producer, settings, LETTERS, seed=4)
    found = await all_pages(settings, DeadLetterFilter(reason="amount_zero"), limit=2)
    assert [it.dead_letter.reason for it in found] == ["amount_zero"] * 3
    check_order(found)


async def test_a_page_ends_where_too_much_was_looked_through(
    settings: Settings, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.dead_letters.pages.SCANNED_MAX", 200)
    await send(producer, settings, LETTERS, seed=5)
    letters, after = await page(settings, DeadLetterFilter(reason="amount_zero"), limit=50)
    assert after is not None
    assert len(letters) < 3
    assert len(await every_page(settings, DeadLetterFilter(reason="amount_zero"), limit=50)) == 3


async def test_a_page_reads_no_more_than_it_shows(
    settings: Settings, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await send(producer, settings, LETTERS, seed=6)
    looked: list[int] = []
    between = TopicReader.between

    def counted(self: TopicReader, starts: dict[int, int], ends: dict[int, int]) -> object:
        looked.append(sum(ends[it] - starts[it] for it in starts))
        return between(self, starts, ends)

    monkeypatch.setattr(TopicReader, "between", counted)
    await page(settings, DeadLetterFilter(), limit=50)
    assert sum(looked) < 500


@pytest.mark.parametrize("cursor", ["", "x", "1", "1-2", "1-2-3-4", "1-2-\u0663", "1-2--3"])
async def test_what_is_no_place_in_the_list_is_refused(settings: Settings, cursor: str) -> None:
    with pytest.raises(RefusedValue, match="no place"):
        await page(settings, DeadLetterFilter(), after=cursor)


async def test_a_count_that_is_asked_again_reads_on(
    settings: Settings, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = DeadLetterCount(settings)
    assert await count.waiting() == 0
    await send(producer, settings, 300, seed=7)
    assert await count.waiting() == 300
    read: list[int] = []
    between = TopicReader.between

    def counted(self: TopicReader, starts: dict[int, int], ends: dict[int, int]) -> object:
        read.append(sum(ends[it] - starts[it] for it in starts))
        return between(self, starts, ends)

    monkeypatch.setattr(TopicReader, "between", counted)
    await send(producer, settings, 10, seed=8)
    assert await count.waiting() == 310
    assert read[-1] < 20


async def test_a_stretch_of_each_partition_is_read_and_the_others_stay(
    settings: Settings, producer: AIOKafkaProducer
) -> None:
    await send(producer, settings, 300, seed=9)
    async with topic_reader(settings, Topic.DEAD_LETTERS) as reader:
        for _ in range(2):
            found = [(it.partition, it.offset) async for it in reader.between({0: 50, 1: 3}, {0: 60, 1: 3})]
            assert found
            assert {number for number, _ in found} == {0}
            assert all(50 <= offset < 60 for _, offset in found)
        assert [it async for it in reader.between({}, {})] == []
        everything = [record async for record in reader.between(await reader.starts(), await reader.ends())]
        assert len(everything) == 300
