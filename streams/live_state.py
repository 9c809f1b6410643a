"""The controller's state: totals, reasons and sequences, read from `controller-state`.

`read_brand` and `read_brands` read once, for a command line; `LiveState` follows the topic, for programs that stay.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from aiokafka import ConsumerRecord

from core.changelog import Changelog
from core.forecast import pauses_at, resumes_at
from core.moment import Moment
from core.partitioner import partition_of
from core.state import BrandState, CampaignState
from core.state_records import state_key
from streams.kafka.follower import FollowedView, TopicFollower
from streams.kafka.reader import topic_reader
from streams.kafka.restore import apply_record
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["HeldBrand", "LiveState", "find_brand_id", "read_brand", "read_brands"]

#: How long a reader waits for the controller to apply what was published before.
PATIENCE_SECONDS: Final = 2.0
_APPLIED_FIRST_TOPICS: Final = (Topic.CATALOG, Topic.SPEND_EVENTS)
_KINDS_OF_CAMPAIGNS: Final = ("doc", "campaign")
_BRAND_AND_CAMPAIGN: Final = 2


@dataclass(frozen=True, slots=True)
class HeldBrand:
    """A brand with its campaigns as `controller-state` has them, restored as the controller would restore it."""

    state: BrandState
    #: The highest moment that the controller knows of.
    clock: Moment
    #: Whether the controller has applied everything that was published before the brand was read.
    is_current: bool = True

    def resumes_at(self, campaign: CampaignState) -> Moment | None:
        """When time alone would let a paused campaign run; None also for one that runs."""
        if not campaign.reasons or campaign.config is None or self.state.day is None:
            return None
        return resumes_at(self.state, campaign, self.clock)

    def pauses_at(self, campaign: CampaignState) -> Moment | None:
        """When time alone will pause a running campaign; None also for one that is paused."""
        if campaign.reasons or campaign.config is None or self.state.day is None:
            return None
        return pauses_at(self.state, campaign, self.clock)


async def read_brand(settings: Settings, brand_id: str, patience_seconds: float = PATIENCE_SECONDS) -> HeldBrand | None:
    """The brand as the controller holds it, None where it holds nothing of it.

    Waits for the controller to apply what is on its topics as of the call, but no longer than `patience_seconds`.
    """
    return (await read_brands(settings, [brand_id], patience_seconds))[brand_id]


async def read_brands(
    settings: Settings, brand_ids: Collection[str], patience_seconds: float = PATIENCE_SECONDS
) -> dict[str, HeldBrand | None]:
    """Read several brands as `read_brand` reads one, in one pass over the topic; by brand_id."""
    if not brand_ids:
        return {}
    only = next(iter(brand_ids)) if len(brand_ids) == 1 else None
    async with topic_reader(settings, Topic.CONTROLLER_STATE, key=only) as reader:
        ends_of = await reader.ends_with(_APPLIED_FIRST_TOPICS)
        changelogs: dict[int, Changelog] = defaultdict(lambda: Changelog(of_brand=only, with_event_ids=False))
        parts = {brand_id: partition_of(brand_id, reader.partition_count) for brand_id in brand_ids}

        def is_current(brand_id: str) -> bool:
            number = parts[brand_id]
            return _is_current(changelogs[number], brand_id, {it: ends[number] for it, ends in ends_of.items()})

        async for record in reader.to_end():
            apply_record(changelogs[record.partition], record)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                while not all(map(is_current, brand_ids)):
                    for record in await reader.batch():
                        apply_record(changelogs[record.partition], record)
    held = {brand_id: _held(changelogs[number], brand_id) for brand_id, number in parts.items()}
    return {brand_id: it and replace(it, is_current=is_current(brand_id)) for brand_id, it in held.items()}


async def find_brand_id(settings: Settings, campaign_id: str) -> str | None:
    """The id of the campaign's brand by `controller-state`, for a campaign that the database may lack; None where it
    lacks the campaign too. Reads every partition."""
    async with topic_reader(settings, Topic.CONTROLLER_STATE) as reader:
        async for record in reader.to_end():
            kind, _, name = (state_key(record.key) or "").partition("/")
            brand_id, _, id_of_campaign = name.partition("/")
            if kind in _KINDS_OF_CAMPAIGNS and id_of_campaign == campaign_id:
                return brand_id
    return None


class LiveState(FollowedView):
    """All that the controller holds, kept up to date in memory as it is written.

    Brands are decoded when somebody asks for them, so that following 10,000 brands costs no decoding.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(TopicFollower(settings, Topic.CONTROLLER_STATE, self._take))
        self._changelogs: dict[int, Changelog] = defaultdict(lambda: Changelog(with_event_ids=False))
        self._brand_of: dict[str, str] = {}
        self._watchers: set[_Watcher] = set()

    def brand(self, brand_id: str) -> HeldBrand | None:
        """The brand, not to be changed by the caller; None where the controller holds nothing of it."""
        return _held(self._changelogs[partition_of(brand_id, self._follower.partition_count)], brand_id)

    def campaign(self, campaign_id: str) -> tuple[HeldBrand, CampaignState] | None:
        """The campaign and its brand; None where the controller does not hold it."""
        held = self.brand(self._brand_of.get(campaign_id, ""))
        campaign = held and held.state.campaigns.get(campaign_id)
        return (held, campaign) if held and campaign else None

    def brand_ids(self) -> list[str]:
        """The ids of all brands, sorted."""
        return sorted(brand_id for changelog in self._changelogs.values() for brand_id in changelog.brand_ids())

    async def changes(self) -> AsyncIterator[frozenset[str]]:
        """The ids of brands that changed since the last iteration: a slow reader gets each id once, not each change.
        Raises the error that ends the follower."""
        watcher = _Watcher()
        self._watchers.add(watcher)
        try:
            while True:
                await self._follower.wait(watcher.event)
                yield watcher.take()
        finally:
            self._watchers.discard(watcher)

    def _take(self, record: ConsumerRecord) -> None:
        brand_id = apply_record(self._changelogs[record.partition], record).brand_id
        if brand_id is None:
            return
        _, *names = record.key.decode().split("/")
        if len(names) == _BRAND_AND_CAMPAIGN:
            self._brand_of[names[1]] = brand_id
        for watcher in self._watchers:
            watcher.note(brand_id)


class _Watcher:
    """The changes that one reader has not taken yet."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self._changed: set[str] = set()

    def note(self, brand_id: str) -> None:
        self._changed.add(brand_id)
        self.event.set()

    def take(self) -> frozenset[str]:
        self.event.clear()
        taken, self._changed = self._changed, set()
        return frozenset(taken)


def _held(changelog: Changelog, brand_id: str) -> HeldBrand | None:
    brand = changelog.brand(brand_id)
    return None if brand is None else HeldBrand(brand, max(brand.clock, changelog.clock))


def _is_current(changelog: Changelog, brand_id: str, ends: Mapping[Topic, int]) -> bool:
    """Whether the controller has applied everything below these offsets, and published every command of the brand."""
    if changelog.part is None:
        return not any(ends.values())
    if any(changelog.part.positions.get(topic, 0) < end for topic, end in ends.items()):
        return False
    brand = changelog.brand(brand_id)
    return brand is None or not any(campaign.pending_resume for campaign in brand.campaigns.values())
