"""What the controller holds: totals, reasons and sequences as its own records of `controller-state` tell them.

`read_held` looks once, for a command line; `LiveState` follows, for programs that stay.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from aiokafka import ConsumerRecord

from streams.core.duplicates import DuplicateWindow
from streams.core.forecast import pauses_at, resumes_at
from streams.core.moment import Moment
from streams.core.partitioner import partition_of
from streams.core.state import BrandState, CampaignState, PartitionState
from streams.core.storage import PartRecord, decode_part, restore
from streams.errors import Unreachable
from streams.settings import Settings
from streams.topic_reader import TopicReader, topic_reader
from streams.topics import Topic

__all__ = ["HeldBrand", "LiveState", "find_held", "read_held"]

#: How long a look waits for the controller to take in what was published before it.
PATIENCE_SECONDS: Final = 2.0
#: How often a follower asks for the ends of the log, and for how long it is fresh after it had reached them.
_LOOK_SECONDS: Final = 1.0
_FRESH_SECONDS: Final = 5.0
_AWAITED_TOPICS: Final = (Topic.CATALOG, Topic.SPEND_EVENTS)
_PART: Final = b"part"
_KINDS: Final = (b"doc", b"brand", b"campaign")

Entries = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class HeldBrand:
    """A brand with its campaigns, restored as the controller would restore it."""

    state: BrandState
    #: The highest moment that the controller knows of.
    clock: Moment
    #: Whether everything that was published before the look is in it.
    is_current: bool = True

    def resumes_at(self, campaign: CampaignState) -> Moment | None:
        """When time alone would let a paused campaign run; None also for one that runs."""
        if not campaign.reasons or campaign.terms is None or self.state.day is None:
            return None
        return resumes_at(self.state, campaign, self.clock)

    def pauses_at(self, campaign: CampaignState) -> Moment | None:
        """When time alone will pause a running campaign; None also for one that is paused."""
        if campaign.reasons or campaign.terms is None or self.state.day is None:
            return None
        return pauses_at(self.state, campaign, self.clock)


async def read_held(settings: Settings, brand_id: str, patience_seconds: float = PATIENCE_SECONDS) -> HeldBrand | None:
    """What is held of a brand, None where that is nothing.

    Waits for the controller to apply what is on its topics as of the call, but no longer than `patience_seconds`.
    """
    entries: Entries = {}
    async with topic_reader(settings, Topic.CONTROLLER_STATE, key=brand_id) as reader:
        beside = await reader.ends_beside(_AWAITED_TOPICS)
        ends = {topic: sum(of_partition.values()) for topic, of_partition in beside.items()}
        part = None
        async for record in reader.to_end():
            part = _note(record, entries, brand_id) or part
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                while not _is_current(held := _held(brand_id, entries, part), part, ends):
                    for record in await reader.batch():
                        part = _note(record, entries, brand_id) or part
        held = _held(brand_id, entries, part)
        if held is None:
            return None
        return HeldBrand(held.state, held.clock, _is_current(held, part, ends))


async def find_held(settings: Settings, campaign_id: str) -> str | None:
    """The brand of a campaign that only the controller may know; reads every partition."""
    ending = f"/{campaign_id}"
    async with topic_reader(settings, Topic.CONTROLLER_STATE) as reader:
        async for record in reader.to_end():
            key: bytes = record.key
            kind, _, name = key.decode().partition("/")
            if kind in ("doc", "campaign") and name.endswith(ending):
                return name.removesuffix(ending)
    return None


class LiveState:
    """All that the controller holds, kept up to date in memory as it is written.

    Records stay as they came until somebody asks for their brand, so that 10,000 brands cost no decoding.
    """

    def __init__(self, settings: Settings) -> None:
        self._reader = TopicReader(settings, Topic.CONTROLLER_STATE)
        self._partitions = settings.partitions
        self._entries: dict[str, Entries] = {}
        self._parts: dict[int, PartRecord] = {}
        self._brand_of: dict[str, str] = {}
        self._held: dict[str, HeldBrand] = {}
        self._watchers: set[_Watcher] = set()
        self._following: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._fresh_at = 0.0

    async def __aenter__(self) -> Self:
        """Returns when everything that was written before is known."""
        try:
            await self._reader.open()
            self._partitions = self._reader.partition_count
            async for record in self._reader.to_end():
                self._take(record)
        except BaseException:
            await self._reader.close()
            raise
        self._fresh_at = time.monotonic()
        self._following = asyncio.create_task(self._follow())
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._watching, self._following):
            if task:
                task.cancel()
                await asyncio.wait([task])
        await self._reader.close()

    def is_fresh(self) -> bool:
        """Whether all that was written until a few seconds ago is known: not so when the broker has fallen silent."""
        return time.monotonic() - self._fresh_at < _FRESH_SECONDS

    async def failed(self) -> None:
        """Returns never; raises what ended the following."""
        assert self._following
        await asyncio.shield(self._following)

    def brand(self, brand_id: str) -> HeldBrand | None:
        entries = self._entries.get(brand_id)
        if entries is None:
            return None
        clock = self._clock(brand_id)
        held = self._held.get(brand_id)
        if held is None:
            restored = _held(brand_id, entries, self._parts.get(partition_of(brand_id, self._partitions)))
            assert restored is not None
            held = self._held[brand_id] = restored
        return HeldBrand(held.state, max(clock, held.clock))

    def campaign(self, campaign_id: str) -> tuple[HeldBrand, CampaignState] | None:
        held = self.brand(self._brand_of.get(campaign_id, ""))
        campaign = held and held.state.campaigns.get(campaign_id)
        return (held, campaign) if held and campaign else None

    def brand_ids(self) -> list[str]:
        return sorted(self._entries)

    async def changes(self) -> AsyncIterator[frozenset[str]]:
        """The ids of brands that changed since the last turn: a slow reader gets each once, not each change."""
        watcher = _Watcher()
        self._watchers.add(watcher)
        try:
            while True:
                await watcher.woken.wait()
                yield watcher.take()
                self._raise_failure()
        finally:
            self._watchers.discard(watcher)

    async def _follow(self) -> None:
        try:
            while True:
                changed = {self._take(record) for record in await self._reader.batch()} - {None}
                if changed:
                    for watcher in self._watchers:
                        watcher.tell(brand_id for brand_id in changed if brand_id)
        finally:
            for watcher in self._watchers:
                watcher.woken.set()

    async def _watch(self) -> None:
        while True:
            asked_at = time.monotonic()
            with suppress(Unreachable):
                await self._reader.handed_out()
                self._fresh_at = asked_at
            await asyncio.sleep(_LOOK_SECONDS)

    def _raise_failure(self) -> None:
        if self._following and self._following.done() and not self._following.cancelled():
            self._following.result()

    def _take(self, record: ConsumerRecord) -> str | None:
        """The brand whose record it was."""
        if record.key == _PART:
            self._parts[record.partition] = decode_part(record.value)
            return None
        key: bytes = record.key
        kind, _, name = key.partition(b"/")
        if kind not in _KINDS or record.value is None:
            return None
        brand_id, _, campaign_id = name.decode().partition("/")
        self._entries.setdefault(brand_id, {})[key.decode()] = record.value
        if campaign_id:
            self._brand_of[campaign_id] = brand_id
        self._held.pop(brand_id, None)
        return brand_id

    def _clock(self, brand_id: str) -> Moment:
        part = self._parts.get(partition_of(brand_id, self._partitions))
        return part.clock if part else 0


class _Watcher:
    """What one reader of changes has yet to be told."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self._changed: set[str] = set()

    def tell(self, brand_ids: Iterable[str]) -> None:
        self._changed.update(brand_ids)
        self.woken.set()

    def take(self) -> frozenset[str]:
        self.woken.clear()
        taken, self._changed = self._changed, set()
        return frozenset(taken)


def _note(record: ConsumerRecord, entries: Entries, brand_id: str) -> PartRecord | None:
    """Keep what is of the brand; the partition's own record is returned, and the rest, which is most, let go."""
    key: bytes = record.key
    if key == _PART:
        return decode_part(record.value)
    if not key.startswith(b"seen/") and record.value is not None:
        text = key.decode()
        if text.split("/")[1] == brand_id:
            entries[text] = record.value
    return None


def _held(brand_id: str, entries: Entries, part: PartRecord | None) -> HeldBrand | None:
    if not entries:
        return None
    state = PartitionState(0, DuplicateWindow(1))
    restore(state, entries.items())
    brand = state.brands[brand_id]
    return HeldBrand(brand, max(brand.clock, part.clock if part else 0))


def _is_current(held: HeldBrand | None, part: PartRecord | None, ends: dict[Topic, int]) -> bool:
    """Whether the controller has applied all up to these offsets, and told what came of it."""
    if part is None:
        return not any(ends.values())
    if any(part.positions.get(topic, 0) < end for topic, end in ends.items()):
        return False
    return held is None or not any(campaign.awaited for campaign in held.state.campaigns.values())
