"""Publishes a file of spend events: refused lines are reported, all others are published and acked.

An interrupted import is run again: every event has an id, and an id counts once among the last million of its
partition.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from core.errors import TooLarge
from core.moment import Moment
from core.refusal import Refusal, RefusalReason
from core.spend import Spend, read_spend
from models.queries.catalog import brands_and_campaigns
from models.session import session_scope
from operations.spend_import.check import import_refusal
from operations.spend_import.file import Line
from operations.spend_import.suspect_ids import SuspectIds
from streams.clock import current_moment
from streams.kafka.producer import SpendProducer, spend_producer
from streams.settings import Settings

__all__ = ["NumberedRecord", "SpendImported", "SpendListener", "import_spend", "in_batches", "publish_batch"]

#: Lines of a batch: in memory, checked against the catalog and published together.
_BATCH: Final = 1_000

_Item = TypeVar("_Item")


@dataclass(slots=True)
class SpendImported:
    published: int = 0
    refused: int = 0


class NumberedRecord(NamedTuple):
    """The record of a line, with the line number."""

    number: int
    brand_id: str
    value: bytes


class SpendListener(NamedTuple):
    """Callbacks of an import."""

    refused: Callable[[int, Refusal], None]
    warned: Callable[[str], None]
    batch_done: Callable[[], None]


async def import_spend(
    settings: Settings, lines: Iterable[Line], listener: SpendListener, *, dry_run: bool
) -> SpendImported:
    """Check and publish the lines of a file; `listener` is called with refusals and warnings. Returns how many lines
    were accepted and refused. With `dry_run` nothing is published."""
    imported, catalog = SpendImported(), _CatalogLookup(settings, listener.warned)
    if dry_run:
        for batch in in_batches(lines):
            imported.published += len(_accepted(settings, batch, catalog, imported, listener))
            listener.batch_done()
        return imported
    async with spend_producer(settings) as producer:
        for batch in in_batches(lines):
            accepted = await asyncio.to_thread(_accepted, settings, batch, catalog, imported, listener)
            too_large = await publish_batch(producer, accepted)
            for number, why in too_large:
                listener.refused(number, Refusal(RefusalReason.TOO_LARGE, str(why)))
            imported.refused += len(too_large)
            imported.published += len(accepted) - len(too_large)
            listener.batch_done()
    return imported


def in_batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _accepted(
    settings: Settings, lines: list[Line], catalog: "_CatalogLookup", imported: SpendImported, listener: SpendListener
) -> list[NumberedRecord]:
    """The events of a batch that the controller would accept; the others are reported to `listener`."""
    now = current_moment()
    found: list[tuple[Line, Spend | Refusal]] = [
        (line, line.value if isinstance(line.value, Refusal) else read_spend(line.value)) for line in lines
    ]
    catalog.learn([spend for _, spend in found if isinstance(spend, Spend)])
    accepted: list[NumberedRecord] = []
    for line, checked in found:
        spend = catalog.checked(checked, now) if isinstance(checked, Spend) else checked
        if isinstance(spend, Refusal):
            imported.refused += 1
            listener.refused(line.number, spend)
        else:
            assert isinstance(line.value, bytes)
            catalog.odd_ids.check(line.number, spend.event_id)
            accepted.append(NumberedRecord(line.number, spend.brand_id, line.value))
    return accepted


async def publish_batch(producer: SpendProducer, records: Sequence[NumberedRecord]) -> list[tuple[int, TooLarge]]:
    """Publish a batch in order, with shared requests. Returns the refusals of lines that the topic does not take."""
    refused: list[tuple[int, TooLarge]] = []

    async def send(record: NumberedRecord) -> None:
        try:
            await producer.send(record.brand_id, record.value)
        except TooLarge as error:
            refused.append((record.number, error))

    async with asyncio.TaskGroup() as group:
        for record in records:
            group.create_task(send(record))
    return sorted(refused, key=lambda one: one[0])


class _CatalogLookup:
    """Looks up the currencies of brands and the brands of campaigns, once each. Warns once of each that does not exist;
    its events are published nevertheless: money of an unknown campaign counts to its brand."""

    def __init__(self, settings: Settings, warned: Callable[[str], None]) -> None:
        self._settings = settings
        self._warned = warned
        self.odd_ids = SuspectIds(warned)
        self._currency_of: dict[str, str | None] = {}
        self._brand_of: dict[str, str | None] = {}
        self._warned_once: set[tuple[str, str]] = set()

    def learn(self, spends: list[Spend]) -> None:
        brands = {spend.brand_id for spend in spends} - self._currency_of.keys()
        campaigns = {spend.campaign_id for spend in spends} - self._brand_of.keys()
        if not brands and not campaigns:
            return
        with session_scope(self._settings.database) as session:
            currencies, owners = brands_and_campaigns(session, brands, campaigns)
        self._currency_of |= {brand_id: currencies.get(brand_id) for brand_id in brands}
        self._brand_of |= {campaign_id: owners.get(campaign_id) for campaign_id in campaigns}
        for brand_id in sorted(brands - currencies.keys()):
            self._warned(f"The catalog has no brand {brand_id}: its spend becomes dead letters until it is added.")
        for campaign_id in sorted(campaigns - owners.keys()):
            self._warned(f"The catalog has no campaign {campaign_id}: its spend counts to the brand alone until then.")

    def checked(self, spend: Spend, now: Moment) -> Spend | Refusal:
        """The event, or the controller's refusal if it arrived now."""
        if refusal := import_refusal(spend, self._currency_of[spend.brand_id], now, self._settings):
            return refusal
        owner = self._brand_of[spend.campaign_id]
        if owner not in (None, spend.brand_id) and (spend.campaign_id, spend.brand_id) not in self._warned_once:
            self._warned_once.add((spend.campaign_id, spend.brand_id))
            self._warned(
                f"Campaign {spend.campaign_id} is of brand {owner}: what it spends of {spend.brand_id} "
                "counts to that brand alone."
            )
        return spend
