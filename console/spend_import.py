"""Publishing a file of spend events: what the controller would refuse is told by line, all else is sent and acked.

An import that broke off is run again: every event has an id, and an id counts once among the last million of its
partition.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from console.spend_check import checked_spend
from console.spend_file import Line
from models.catalog_reads import brands_and_campaigns
from models.session import session_scope
from streams.core.refusal import Refusal, RefusalReason
from streams.core.spend import Spend
from streams.settings import Settings
from streams.spend_producer import SpendProducer, spend_producer

__all__ = ["Imported", "Listener", "import_spend"]

#: Lines that are in memory, checked against the catalog, and on their way to the broker at a time.
_BATCH: Final = 1_000

_Item = TypeVar("_Item")


@dataclass(slots=True)
class Imported:
    published: int = 0
    refused: int = 0


class Listener(NamedTuple):
    """Told as it goes."""

    refused: Callable[[int, Refusal], None]
    warned: Callable[[str], None]
    batch_done: Callable[[], None]


async def import_spend(settings: Settings, lines: Iterable[Line], listener: Listener, *, dry_run: bool) -> Imported:
    imported, catalog = Imported(), _Catalog(settings, listener.warned)
    if dry_run:
        for batch in _batches(lines):
            imported.published += len(_accepted(settings, batch, catalog, imported, listener))
            listener.batch_done()
        return imported
    async with spend_producer(settings) as producer:
        for batch in _batches(lines):
            accepted = await asyncio.to_thread(_accepted, settings, batch, catalog, imported, listener)
            await _publish(producer, accepted)
            imported.published += len(accepted)
            listener.batch_done()
    return imported


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


_Accepted = tuple[Spend, bytes]


def _accepted(
    settings: Settings, lines: list[Line], catalog: "_Catalog", imported: Imported, listener: Listener
) -> list[_Accepted]:
    """Those of a batch that the controller would take; the others are told."""
    now = time.time_ns() // 1_000_000
    found: list[tuple[Line, Spend | Refusal]] = [
        (line, line.value if isinstance(line.value, Refusal) else checked_spend(line.value, settings, now))
        for line in lines
    ]
    catalog.learn([spend for _, spend in found if isinstance(spend, Spend)])
    accepted: list[_Accepted] = []
    for line, checked in found:
        spend = catalog.checked(checked) if isinstance(checked, Spend) else checked
        if isinstance(spend, Refusal):
            imported.refused += 1
            listener.refused(line.number, spend)
        else:
            assert isinstance(line.value, bytes)
            accepted.append((spend, line.value))
    return accepted


async def _publish(producer: SpendProducer, accepted: list[_Accepted]) -> None:
    """All of a batch at once; they share requests, and stay in their order."""
    async with asyncio.TaskGroup() as group:
        for spend, value in accepted:
            group.create_task(producer.send(spend.brand_id, value))


class _Catalog:
    """Currencies of brands and brands of campaigns, asked for once each. What is not there is told once each, and sent
    all the same: money of a campaign that nobody knows still counts to its brand."""

    def __init__(self, settings: Settings, warned: Callable[[str], None]) -> None:
        self._settings = settings
        self._warned = warned
        self._currency_of: dict[str, str | None] = {}
        self._brand_of: dict[str, str | None] = {}
        self._told: set[tuple[str, str]] = set()

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

    def checked(self, spend: Spend) -> Spend | Refusal:
        currency = self._currency_of[spend.brand_id]
        if currency is not None and spend.currency not in (None, currency):
            return Refusal(
                RefusalReason.CURRENCY_MISMATCH,
                f"currency: brand {spend.brand_id} has {currency}, not {spend.currency}",
            )
        owner = self._brand_of[spend.campaign_id]
        if owner not in (None, spend.brand_id) and (spend.campaign_id, spend.brand_id) not in self._told:
            self._told.add((spend.campaign_id, spend.brand_id))
            self._warned(
                f"Campaign {spend.campaign_id} is of brand {owner}: what it spends of {spend.brand_id} "
                "counts to that brand alone."
            )
        return spend
