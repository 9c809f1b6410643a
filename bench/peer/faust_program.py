"""The work of `work.py` on stock Faust: tables by brand, by campaign and of ids, each with its changelog, exactly once.

In a transaction Faust sends what goes to changelogs of its tables, and nothing else. So pauses are a table of their
own, whose changelog is the topic of commands.
"""

import asyncio
import os
import signal
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

os.environ["FAUST_LOOP"] = "uvloop"
import faust
from confluent_kafka.admin import AdminClient, NewTopic
from faust.transport import producer
from faust.transport.producer import ProducerBuffer
from work import (
    WINDOW,
    Arguments,
    Counter,
    Work,
    add_to_brand,
    add_to_campaign,
    micros,
    parse,
    pause,
    total_lines,
)

arguments = Arguments.of(sys.argv[1:])
work = Work()
counter = Counter(arguments.count)
app = faust.App(
    arguments.name,
    broker=f"kafka://{arguments.brokers}",
    store=f"{arguments.state}://",
    datadir=arguments.folder,
    processing_guarantee="exactly_once",
    broker_commit_interval=0.5,
    broker_max_poll_records=5_000,
    consumer_max_fetch_size=8 << 20,
    consumer_auto_offset_reset="earliest",
    producer_linger=0.02,
    topic_partitions=arguments.partitions,
    topic_replication_factor=1,
    topic_disable_leader=True,
    web_enabled=False,
)
brands = app.Table("brands", key_type=str, value_type=list)
campaigns = app.Table("campaigns", key_type=str, value_type=list)
ids = app.Table("ids", key_type=str, value_type=list)
raw = {"key_type": bytes, "value_type": bytes}
raw_topic = {**raw, "key_serializer": "raw", "value_serializer": "raw"}
pauses = app.Table("pauses", changelog_topic=app.topic(arguments.commands, **raw_topic), **raw)


class Buffer(ProducerBuffer):
    """The changes of tables on their way to the producer. By itself Faust waits whenever 100 are, and says so."""

    max_messages = 10_000
    #: Whether one has left the buffer and is not with the producer yet.
    is_sending = False

    async def _send_pending(self, fut: Any) -> None:
        self.is_sending = True
        await super()._send_pending(fut)
        self.is_sending = False

    async def drained(self) -> None:
        """`flush` gives up when nothing is sent for 0.1 s."""
        while self.size or self.is_sending:
            await asyncio.sleep(0.01)


producer.ProducerBuffer = Buffer
windows: dict[int, "Window"] = defaultdict(lambda: Window())


class Window:
    """The last ids of a partition, in the order in which they came."""

    def __init__(self) -> None:
        self.added = 0
        self._ids: dict[str, None] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def add(self, name: str) -> int:
        """The slot that the id takes, from which the oldest one goes."""
        if len(self._ids) == WINDOW:
            del self._ids[next(iter(self._ids))]
        self._ids[name] = None
        self.added += 1
        return (self.added - 1) % WINDOW


@ids.on_recover
async def restore() -> None:
    for slot, (added, name) in sorted(ids.items(), key=lambda item: item[1][0]):
        window = windows[int(slot.partition("/")[0])]
        window.add(name)
        window.added = added


@app.agent(app.topic(arguments.spend, **raw_topic))
async def decide(stream: Any) -> None:
    async for event in stream.events():
        spend(event.value, event.message.partition, round(event.message.timestamp * 1_000))
        if counter.add():
            asyncio.get_running_loop().create_task(end())


def spend(value: bytes, partition: int, at: int) -> None:
    it = parse(value)
    brand = work.brand_of(it)
    window, name = windows[partition], f"{it.brand_id}/{it.event_id}"
    if name in window:
        return
    ids[f"{partition}/{window.add(name)}"] = [window.added, name]
    added = micros(it.amount)
    of_brand = brands[it.brand_id] = add_to_brand(_held(brands, it.brand_id), brand, at, added)
    key = f"{it.brand_id}/{it.campaign_id}"
    campaign = add_to_campaign(_held(campaigns, key), of_brand[0], at, added)
    if work.crosses(key, campaign):
        pauses[it.campaign_id.encode()] = pause(it, at, campaign[1])
    campaigns[key] = campaign


def _held(table: Any, key: str) -> list[int] | None:
    try:
        return table[key]
    except KeyError:
        return None


async def end() -> None:
    """When the last event is acknowledged, which it is after the agent's next step.

    Faust commits the offset of an event whether or not the changes that it made have left the buffer, and ends
    transactions of partitions with new offsets alone: what came after the last offsets would never be committed.
    """
    await app.producer.buffer.drained()
    await app.consumer.commit()  # nothing, where another one is under way; it waits for that one
    await app.consumer.commit()
    for name, writer in app.producer._transaction_producers.items():
        async with app.producer._trn_locks[name]:
            await writer.commit_transaction()
            await writer.begin_transaction()
    lines = total_lines(dict(brands.items()), dict(campaigns.items()))
    Path(arguments.totals).write_text(lines)  # noqa: ASYNC240
    os.kill(os.getpid(), signal.SIGTERM)


def create_changelogs() -> None:
    """Faust creates them when it has begun to read: its agent may fail with an event and go on without it."""
    names = [f"{arguments.name}-{table}-changelog" for table in ("brands", "campaigns", "ids")]
    config = {"cleanup.policy": "compact"}
    topics = [NewTopic(name, arguments.partitions, 1, config=config) for name in names]
    admin = AdminClient({"bootstrap.servers": arguments.brokers})
    for created in admin.create_topics(topics).values():
        created.result(30)


if __name__ == "__main__":
    create_changelogs()
    work.read_catalog(arguments)
    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()
