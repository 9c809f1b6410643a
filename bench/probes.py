"""How long decisions take while something else goes on: campaigns that one spend pauses, and who reads the pauses."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from typing import Final, Self

from confluent_kafka import Consumer, TopicPartition

from bench.machine import wait_until
from bench.sender import Sender, now
from core.moment import Moment
from core.partitioner import partition_of
from core.records import Action
from streams.kafka.codec import decode_command
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["Commands", "Probes"]

_PATIENCE_SECONDS: Final = 240


class Commands:
    """Follows what is committed to the topic of commands from its beginning on."""

    def __init__(self, settings: Settings) -> None:
        self.counts: Counter[Action] = Counter()
        #: By campaign, by time.monotonic: when its last pause was read, and when any command of each kind last was.
        self.paused_at: dict[str, float] = {}
        self.last_at: dict[Action, float] = {}
        self._reader = Consumer(
            {
                "bootstrap.servers": settings.brokers,
                "group.id": "bench-commands",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 5,
            }
        )
        topic = settings.topic(Topic.CAMPAIGN_CONTROL)
        self._reader.assign([TopicPartition(topic, number, 0) for number in range(settings.partitions)])
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()
        self._reader.close()

    def await_count(self, action: Action, count: int, seconds: float) -> None:
        wait_until(lambda: self.counts[action] >= count, seconds)

    def await_pauses(self, campaign_ids: Set[str], seconds: float) -> float:
        """The moment at which the last of them was read."""
        wait_until(lambda: campaign_ids <= self.paused_at.keys(), seconds)
        return max(self.paused_at[it] for it in campaign_ids)

    def _follow(self) -> None:
        while not self._ended.is_set():
            for message in self._reader.consume(5_000, 0.02):
                command = decode_command(message.value() or b"")
                read_at = time.monotonic()
                self.counts[command.action] += 1
                self.last_at[command.action] = read_at
                if command.action is Action.PAUSE:
                    self.paused_at[command.campaign_id] = read_at


class Probes:
    """Campaigns of brands of their own, one brand in each partition. Each campaign gets one spend, which pauses it."""

    def __init__(self, sender: Sender, count: int, *, every_seconds: float, at: Moment, zone: str = "UTC") -> None:
        """Publish them; the documents' time is `at`."""
        self.count = count
        self._sender = sender
        self._every_seconds = every_seconds
        self._sent_at: dict[str, float] = {}
        brands = [_brand_of(partition, sender.partitions) for partition in range(sender.partitions)]
        for brand_id in brands:
            sender.brand(brand_id, at, zone=zone)
        campaigns = [(f"probe-{number}", brands[number % len(brands)]) for number in range(count)]
        for campaign_id, brand_id in campaigns:
            sender.campaign(brand_id, campaign_id, at, total_budget="1")
        self._homes = {campaign: number % len(brands) for number, (campaign, _) in enumerate(campaigns)}
        self._left = iter(campaigns)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Meanwhile one after the other is spent on, until none is left."""
        ended = threading.Event()
        thread = threading.Thread(target=self._send, args=[ended])
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def await_one_each(self) -> None:
        """Until each partition has had one."""
        wait_until(lambda: len(self._sent_at) >= self._sender.partitions, _PATIENCE_SECONDS)

    def waits(
        self,
        commands: Commands,
        *,
        since: float = 0,
        until: float = float("inf"),
        partition: Callable[[int], bool] = lambda number: True,
    ) -> list[float]:
        """Seconds from a spend to its pause, of those that were sent between two moments in such partitions; waits for
        the pauses that have not come yet."""
        sent = {it: at for it, at in self._sent_at.items() if since <= at < until and partition(self._homes[it])}
        commands.await_pauses(sent.keys(), _PATIENCE_SECONDS)
        return [commands.paused_at[name] - at for name, at in sent.items()]

    def _send(self, ended: threading.Event) -> None:
        for campaign_id, brand_id in self._left:
            self._sent_at[campaign_id] = time.monotonic()
            self._sender.spend(brand_id, campaign_id, now())
            if ended.wait(self._every_seconds):
                return


def _brand_of(partition: int, partitions: int) -> str:
    number = 0
    while partition_of(brand_id := f"probe-brand-{number}", partitions) != partition:
        number += 1
    return brand_id
