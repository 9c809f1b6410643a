"""Batches that no client of ours would send, on a real broker: the worker keeps on, within its memory."""

import json

import pytest

from streams.kafka.decompression import GZIP, LZ4, SNAPPY, ZSTD
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Timestamps
from tests.lengths import length
from tests.streams.broker import Broker, spend_event
from tests.streams.raw_batches import CODECS, Raw, RawProducer, batch, raw_producer
from tests.streams.worker_process import WorkerProcess

MIB = 1024 * 1024
#: What one hostile partition may add to a worker: what is handed over twice, a batch, and the window of its codec.
ADDED_BYTES = 160 * MIB
BRAND = "nike"
NO_TEXT = ((b"tr\xffce", b"\x00\xff"), (b"ok", None))


def spend(number: int) -> Raw:
    return Raw(BRAND.encode(), json.dumps(spend_event(BRAND, "summer", "1", f"event-{number}")).encode())


async def send(broker: Broker, producer: RawProducer, topic: Topic, records: list[Raw], codec: int) -> int:
    return await send_raw(broker, producer, topic, batch(records, codec), len(records))


async def send_raw(broker: Broker, producer: RawProducer, topic: Topic, raw: bytes, count: int = 1) -> int:
    home = broker.home(BRAND)
    offset = await producer.send(topic, home, raw)
    broker.note_sent(topic, home, offset + count - 1)
    return offset


@pytest.mark.parametrize("timestamps", [Timestamps.APPEND])
async def test_a_header_name_that_is_no_text_stops_no_topic(broker: Broker, worker: WorkerProcess) -> None:
    await broker.brand(BRAND)
    await broker.campaign(BRAND, "summer")
    await broker.until_settled()
    async with raw_producer(broker.settings) as producer:
        for number, codec in enumerate(CODECS):
            counted = spend(number)._replace(headers=NO_TEXT)
            await send(broker, producer, Topic.SPEND_EVENTS, [counted, Raw(b"k", b"{", NO_TEXT)], codec)
            for topic in INPUTS:
                await send(broker, producer, topic, [Raw(b"\xfe", None, NO_TEXT), Raw(b"\xff", b"{", NO_TEXT)], codec)
        await broker.until_settled()
        worker.check_alive()
        assert broker.state_of(BRAND).monthly_micros == len(CODECS) * 1_000_000
        letters = [it for it in broker.dead_letters if it.value == b"{" and it.key == b"k"]
        assert [it.headers[:2] for it in letters] == [(("tr\\xffce", b"\x00\xff"), ("ok", None))] * len(CODECS)


@pytest.mark.long
@pytest.mark.parametrize("timestamps", [Timestamps.APPEND])
async def test_what_unpacks_to_hundreds_of_megabytes_takes_little_memory(broker: Broker, worker: WorkerProcess) -> None:
    await broker.brand(BRAND)
    await broker.campaign(BRAND, "summer")
    await broker.until_settled()
    before = worker.peak_bytes
    # What fits into the topic's 1 MiB, and no more than 400 MiB of it; each but Snappy's is above the bound.
    large = length(240, 400) * MIB
    sizes = {GZIP: large, SNAPPY: 18 * MIB, LZ4: 220 * MIB, ZSTD: large}
    offsets = {}
    async with raw_producer(broker.settings) as producer:
        for number, (codec, size) in enumerate(sizes.items()):
            bomb = Raw(b"bomb", b" " * size)
            records = [spend(number * 2), bomb, spend(number * 2 + 1)]
            offsets[await send(broker, producer, Topic.SPEND_EVENTS, records, codec) + 1] = size
        alone = batch([Raw(b"bomb", b" " * sizes[ZSTD])], ZSTD)
        for topic in INPUTS:
            await send_raw(broker, producer, topic, alone)
        await broker.until_settled()
    worker.check_alive()
    assert broker.state_of(BRAND).monthly_micros == 2 * len(sizes) * 1_000_000
    reasons = [dict(it.headers)["spendgate-reason"] for it in broker.dead_letters]
    assert set(reasons) == {b"too_large"}
    added = worker.peak_bytes - before
    print(f"bombs took {added / MIB:.0f} MiB beside {before / MIB:.0f} MiB")
    assert added < ADDED_BYTES
