"""Thousands of records of which every third is good: the worker counts those and keeps the rest."""

import math
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

import msgspec
import pytest
from confluent_kafka import KafkaError, Message, Producer

from core.money import format_money
from streams.kafka.topics import Topic
from streams.settings import Timestamps
from tests.lengths import length
from tests.streams.broker import Broker
from tests.streams.worker_process import WorkerProcess

SEED = 20250908
RECORDS = length(4_000, 10_000)
HUGE = 30
BRANDS = [f"brand-{number}" for number in range(16)]

Headers = tuple[tuple[str, bytes], ...]


class Bad(NamedTuple):
    """A value that must be refused, and with which of the reasons."""

    value: bytes | None
    reasons: frozenset[str]
    placed: str = ""  # the brand in whose partition it is sent: such a record is well formed


class Sent(NamedTuple):
    key: bytes | None
    value: bytes | None
    headers: Headers
    reasons: frozenset[str]


@pytest.mark.long
@pytest.mark.parametrize("timestamps", [Timestamps.APPEND])
async def test_what_cannot_be_used_is_kept_with_its_reason_and_what_can_is_counted(
    broker: Broker, worker: WorkerProcess
) -> None:
    random = Random(SEED)
    for brand_id in BRANDS:
        await broker.brand(brand_id)
        await broker.campaign(brand_id, f"{brand_id}-campaign")
    await broker.until_settled()

    micros: Counter[str] = Counter()
    sent: dict[tuple[int, int], Sent] = {}
    # aiokafka refuses to send a record without key and value; librdkafka and the broker do not.
    producer = Producer({"bootstrap.servers": broker.settings.brokers, "linger.ms": 5})

    def send(partition: int, record: Sent) -> None:
        def delivered(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            broker.note_sent(Topic.SPEND_EVENTS, partition, message.offset())
            if record.reasons:
                sent[partition, message.offset()] = record

        topic = broker.settings.topic(Topic.SPEND_EVENTS)
        key, value, headers = record.key, record.value, list(record.headers)
        producer.produce(topic, value, key, partition, delivered, headers=headers)

    for number in range(RECORDS):
        headers = _headers(random, number)
        if number % 3 == 0:
            brand_id, amount = random.choice(BRANDS), random.randint(-50_000, 1_000_000) or 1
            micros[brand_id] += amount
            value = _event(event_id=f"good-{number}", brand_id=brand_id, amount=format_money(amount))
            record = Sent(brand_id.encode(), value, headers, frozenset())
            send(broker.home(brand_id), record)
        else:
            bad = _huge(random) if number % (RECORDS // HUGE) == 1 else random.choice(KINDS)(random)
            key = random.choice([None, b"", b"\xff\xfe", random.choice(BRANDS).encode()])
            key, partition = (
                (bad.placed.encode(), broker.home(bad.placed))
                if bad.placed
                else (key, random.randrange(broker.settings.partitions))
            )
            send(partition, Sent(key, bad.value, headers, bad.reasons))
    assert producer.flush(30) == 0
    await broker.until_settled()

    worker.check_alive()
    for brand_id in BRANDS:
        assert broker.state_of(brand_id).monthly_micros == micros[brand_id], brand_id
    letters = {_origin(dict(letter.headers)): letter for letter in broker.dead_letters}
    assert len(letters) == len(broker.dead_letters)
    assert letters.keys() == sent.keys()
    for where, record in sent.items():
        letter = letters[where]
        assert (letter.key, letter.value) == (record.key, record.value)
        assert letter.headers[: len(record.headers)] == record.headers
        reason = dict(letter.headers)["spendgate-reason"].decode()
        assert reason in record.reasons, (record.value and record.value[:200], letter.headers)


def _event(**fields: object) -> bytes:
    good = {
        "event_id": "e",
        "brand_id": BRANDS[0],
        "campaign_id": "c",
        "amount": "1.00",
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    return msgspec.json.encode({**good, **fields})


def _raw_amount(text: str) -> bytes:
    return _event(amount="@").replace(b'"@"', text.encode())


def _bad(value: bytes | None, *reasons: str) -> Bad:
    return Bad(value, frozenset(reasons))


def _huge(random: Random) -> Bad:
    """As much as a producer can send by default; its dead letter is larger by our headers."""
    return _bad(random.randbytes(900 * 1024), "too_large")


def _without_a_field(random: Random) -> Bad:
    fields = msgspec.json.decode(_event())
    del fields[random.choice(["event_id", "brand_id", "campaign_id", "amount"])]
    return _bad(msgspec.json.encode(fields), "invalid_field")


def _cut_short(random: Random) -> Bad:
    whole = _event()
    return _bad(whole[: random.randrange(1, len(whole))], "not_json")


KINDS: list[Callable[[Random], Bad]] = [
    lambda random: _bad(b"\xff" + random.randbytes(random.randrange(300)), "not_json"),
    lambda _: _bad(None, "not_json"),
    lambda _: _bad(b"", "not_json"),
    lambda _: _bad(b"[" * 60_000, "not_json"),
    _cut_short,
    _without_a_field,
    lambda random: _bad(random.choice([b"null", b"[]", b"7", b'"text"', b"{}", b"[{}]"]), "invalid_field"),
    lambda random: _bad(_raw_amount(random.choice(["NaN", "Infinity", "-Infinity", "+1", "0x10", "1."])), "not_json"),
    lambda random: _bad(_raw_amount(random.choice(["1e400", "-1e400", "9" * 400])), "amount_out_of_range"),
    lambda random: _bad(_raw_amount(str(10 ** random.randrange(12, 300))), "amount_out_of_range"),
    lambda random: _bad(_event(amount="9" * random.randrange(13, 5_000)), "amount_out_of_range", "invalid_field"),
    lambda random: _bad(_raw_amount(f"0.{random.randrange(1, 10**9):09}1"), "amount_precision"),
    lambda random: _bad(_event(amount=random.choice(["0", "0.00", "-0"])), "amount_zero"),
    lambda random: _bad(_event(amount=random.choice(["NaN", "1e3", " 1", "1_0", "", "٣"])), "invalid_field"),
    lambda random: _bad(_event(amount=random.choice([True, None, [], {"a": 1}])), "invalid_field"),
    lambda _: _bad(_event(occurred_at="2025-09-08T10:00:00"), "invalid_field"),
    lambda _: Bad(_event(occurred_at="9999-12-31T23:59:59Z"), frozenset({"occurred_in_future"}), BRANDS[0]),
    lambda _: Bad(_event(currency="EUR"), frozenset({"currency_mismatch"}), BRANDS[0]),
    lambda _: Bad(_event(brand_id="nobody"), frozenset({"unknown_brand"}), "nobody"),
    lambda random: _bad(
        _event(occurred_at=random.choice(["now", "", "2025-02-30T00:00:00Z", math.pi, "2025-09-08T25:00:00Z"])),
        "invalid_field",
    ),
    lambda random: _bad(_event(brand_id=random.choice(["", "a b", "x" * 65, "ü", "a/b", 7])), "invalid_field"),
    lambda random: _bad(_event(campaign_id=random.choice(["", "a b", "x" * 65, "\x00"])), "invalid_field"),
    lambda random: _bad(_event(event_id=random.choice(["", "x" * 129, "line\nbreak", 1])), "invalid_field"),
    lambda _: _bad(_event(attributes={"a": "x" * 3_000}), "invalid_field"),
]


def _headers(random: Random, number: int) -> Headers:
    return (("trace", random.randbytes(8)), ("number", str(number).encode()), ("empty", b""))


def _origin(headers: dict[str, bytes]) -> tuple[int, int]:
    return int(headers["__streams.errors.partition"]), int(headers["__streams.errors.offset"])
