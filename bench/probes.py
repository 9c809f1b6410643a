"""How long decisions take while something else goes on: campaigns that one spend pauses, and who reads the pauses."""

import math
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from typing import Final, Self

from confluent_kafka import Consumer, TopicPartition

from bench.machine import wait_until
from bench.sender import Sender, now
from core.errors import SpendgateError
from core.moment import Moment
from core.partitioner import partition_of
from core.records import Action
from streams.kafka.codec import decode_command
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["Commands", "Probes"]

_PATIENCE_SECONDS: Final = 240
#: Of one brand: its record in `controller-state` has all of them.
_CAMPAIGNS_OF_BRAND: Final = 100


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
    """Campaigns of brands of their own, in all partitions in turn. Each campaign gets one spend, which pauses it."""

    def __init__(
        self,
        sender: Sender,
        seconds: float,
        *,
        every_seconds: float,
        at: Moment,
        zone: str = "UTC",
        name: str = "probe",
    ) -> None:
        """Publish as many as last for these seconds; the documents' time is `at`. Ids begin with `name`."""
        self.count = math.ceil(seconds / every_seconds)
        self._sender = sender
        self._seconds = seconds
        self._every_seconds = every_seconds
        self._ran_out = False
        self._sent_at: dict[str, float] = {}
        partitions = sender.partitions
        turns = math.ceil(self.count / _CAMPAIGNS_OF_BRAND / partitions)
        brands = [_brand_of(name, *divmod(number, partitions), partitions) for number in range(turns * partitions)]
        for brand_id in brands:
            sender.brand(brand_id, at, zone=zone)
        campaigns = [(f"{name}-{number}", brands[number % len(brands)]) for number in range(self.count)]
        for campaign_id, brand_id in campaigns:
            sender.campaign(brand_id, campaign_id, at, total_budget="1")
        self._homes = {campaign_id: number % partitions for number, (campaign_id, _) in enumerate(campaigns)}
        self._left = iter(campaigns)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Meanwhile one after the other is spent on. Raises SpendgateError where none is left before the end: waits of
        the beginning alone would be none of the whole."""
        ended = threading.Event()
        thread = threading.Thread(target=self._send, args=[ended])
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        if self._ran_out:
            raise SpendgateError(
                f"it took longer than the {self._seconds:g} s for which others were to spend: measure less of it, or "
                "where the machine does less beside it"
            )

    def await_one_each(self) -> None:
        """Until each partition has had one."""
        wait_until(lambda: len(self._sent_at) >= self._sender.partitions, _PATIENCE_SECONDS)

    def waits(
        self,
        commands: Commands,
        *,
        until: float = float("inf"),
        partition: Callable[[int], bool] = lambda number: True,
        behind_backlog: bool = True,
    ) -> list[float]:
        """Seconds from a spend to its pause, of those that were sent before a moment in such partitions; waits for the
        pauses that have not come yet. Without those `behind_backlog` it has the spend after the first pause of its
        partition: what was sent before lies behind the partition's own part of a backlog."""
        sent = {it: at for it, at in self._sent_at.items() if at < until and partition(self._homes[it])}
        commands.await_pauses(sent.keys(), _PATIENCE_SECONDS)
        drained_at: dict[int, float] = {}
        if not behind_backlog:
            for name in sent:
                home, read_at = self._homes[name], commands.paused_at[name]
                drained_at[home] = min(read_at, drained_at.get(home, read_at))
        return [
            commands.paused_at[name] - at for name, at in sent.items() if at >= drained_at.get(self._homes[name], at)
        ]

    def figures(self, commands: Commands, until: float) -> dict[str, float]:
        """The median and the longest wait of those that were sent before a moment."""
        waited = self.waits(commands, until=until)
        return {
            "others_answered_median_seconds": round(statistics.median(waited), 3),
            "others_answered_longest_seconds": round(max(waited), 3),
        }

    def _send(self, ended: threading.Event) -> None:
        for campaign_id, brand_id in self._left:
            self._sent_at[campaign_id] = time.monotonic()
            self._sender.spend(brand_id, campaign_id, now())
            if ended.wait(self._every_seconds):
                return
        self._ran_out = True


def _brand_of(name: str, turn: int, partition: int, partitions: int) -> str:
    number = 0
    while partition_of(brand_id := f"{name}-brand-{turn}-{number}", partitions) != partition:
        number += 1
    return brand_id
