"""A copy of all brands and campaigns in memory that follows the database, for programs that read them often.

PostgreSQL notifies of each committed edit. The program also notifies itself every 2 seconds: as long as these pulses
arrive, no notification is missed.
"""

import asyncio
import secrets
import time
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Final, Self

from sqlalchemy import func, select

from models.notifications import DatabaseNotification, Notifications, listening
from models.queries.catalog import list_brands, list_campaigns
from models.queries.text_search import searched_text
from models.session import session_scope
from models.tables.account import ACCESS_CHANNEL
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_outbox import NOTIFY_CHANNEL
from models.threads import in_thread

__all__ = ["CatalogMirror", "campaign_text"]

_PULSE_CHANNEL: Final = "spendgate_pulse"
_PULSE_SECONDS: Final = 2.0
_FRESH_SECONDS: Final = 7.0

Rows = tuple[Sequence[Brand], Sequence[Campaign]]


class CatalogMirror:
    """Calls `access_changed` when any process changed an account, a session or a token, and `brands_changed` with the
    ids of brands that were edited or whose campaigns were; at the start with all ids."""

    def __init__(
        self, url: str, access_changed: Callable[[], None], brands_changed: Callable[[frozenset[str]], None]
    ) -> None:
        self._url = url
        self._access_changed = access_changed
        self._brands_changed = brands_changed
        self._pulse = secrets.token_hex(8)
        self._stack = AsyncExitStack()
        self._brands: dict[str, Brand] = {}
        self._campaigns: dict[str, Campaign] = {}
        self._campaign_ids_of: dict[str, list[str]] = {}
        #: By brand id: how often its campaigns were stored.
        self._stored: dict[str, int] = {}
        #: By brand id: the texts of its campaigns, and how often these had been stored.
        self._texts: dict[str, tuple[int, str]] = {}
        self._brand_ids: list[str] = []
        self._campaign_ids: list[str] = []
        self._notified_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Return when all rows are read. It listens before it reads, so that no edit is missed in between."""
        async with AsyncExitStack() as stack:
            edits = await stack.enter_async_context(
                listening(self._url, (NOTIFY_CHANNEL, ACCESS_CHANNEL, _PULSE_CHANNEL))
            )
            self._store(await in_thread(_load, self._url))
            self._stack = stack.pop_all()
        self._brands_changed(frozenset(self._brands))
        self._notified_at = time.monotonic()
        self._tasks = [asyncio.create_task(self._follow(edits)), asyncio.create_task(self._send_pulses())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._stack.aclose()

    def is_fresh(self) -> bool:
        """Whether a pulse arrived in the last 7 seconds, so that every edit before it is known."""
        return time.monotonic() - self._notified_at < _FRESH_SECONDS

    async def failed(self) -> None:
        """Wait for the listening to fail, and raise its error."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    def brand(self, brand_id: str) -> Brand | None:
        return self._brands.get(brand_id)

    def campaign(self, campaign_id: str) -> Campaign | None:
        return self._campaigns.get(campaign_id)

    def campaigns_of(self, brand_id: str) -> list[Campaign]:
        """The brand's campaigns, sorted by id. Safe in any thread, also while the mirror changes."""
        # A copy of the ids: one that is put before the place of a reader would show it the same id again.
        return [self._campaigns[campaign_id] for campaign_id in tuple(self._campaign_ids_of.get(brand_id, ()))]

    def campaigns(self, brand_id: str | None = None, *, archived: bool) -> Iterator[Campaign]:
        """The campaigns of one brand or of all, archived ones or the others. Safe as `campaigns_of` is."""
        brand_ids = tuple(self._brand_ids) if brand_id is None else (brand_id,)
        return (row for it in brand_ids for row in self.campaigns_of(it) if row.archived == archived)

    def campaigns_text(self, brand_id: str) -> str:
        """The searchable texts of the brand's campaigns, cached until one changes. Safe as `campaigns_of` is."""
        stored = self._stored.get(brand_id, 0)
        known = self._texts.get(brand_id)
        if known is None or known[0] != stored:
            known = self._texts[brand_id] = (stored, "\n".join(map(campaign_text, self.campaigns_of(brand_id))))
        return known[1]

    def brand_ids(self) -> Sequence[str]:
        """All brand ids, sorted."""
        return self._brand_ids

    def campaign_ids(self, brand_id: str | None = None) -> Sequence[str]:
        return self._campaign_ids if brand_id is None else self._campaign_ids_of.get(brand_id, ())

    def store_brand(self, row: Brand) -> None:
        """Replace the row by a newer one, such as one that this program has just edited; an older one is ignored."""
        before = self._brands.get(row.brand_id)
        if before is None or before.revision <= row.revision:
            self._brands[row.brand_id] = row
        if before is None:
            insort(self._brand_ids, row.brand_id)

    def store_campaign(self, row: Campaign) -> None:
        before = self._campaigns.get(row.campaign_id)
        if before is not None and before.revision > row.revision:
            return
        # In this order: a thread that meets an id finds its row, and one that made texts before makes them again.
        self._campaigns[row.campaign_id] = row
        if before is None:
            insort(self._campaign_ids, row.campaign_id)
            insort(self._campaign_ids_of.setdefault(row.brand_id, []), row.campaign_id)
        self._stored[row.brand_id] = self._stored.get(row.brand_id, 0) + 1

    def _store(self, rows: Rows) -> None:
        for brand in rows[0]:
            self.store_brand(brand)
        for campaign in rows[1]:
            self.store_campaign(campaign)

    async def _follow(self, edits: Notifications) -> None:
        while True:
            notifications = await edits.wait(_PULSE_SECONDS)
            edited = {it.payload for it in notifications if it.channel == NOTIFY_CHANNEL}
            if edited:
                self._store(await in_thread(_load, self._url, edited))
                self._brands_changed(frozenset(name.partition("/")[0] for name in edited))
            if any(it.channel == ACCESS_CHANNEL for it in notifications):
                self._access_changed()
            if DatabaseNotification(_PULSE_CHANNEL, self._pulse) in notifications:
                self._notified_at = time.monotonic()

    async def _send_pulses(self) -> None:
        while True:
            await in_thread(_send_pulse, self._url, self._pulse)
            await asyncio.sleep(_PULSE_SECONDS)


def campaign_text(row: Campaign) -> str:
    """What a search of campaigns looks into."""
    return searched_text(row.campaign_id, row.name, row.external_id)


def _load(url: str, edited: Iterable[str] | None = None) -> Rows:
    """The rows with the record keys `edited`, all rows by default."""
    with session_scope(url) as session:
        if edited is None:
            return list_brands(session), list_campaigns(session)
        names = [name.partition("/") for name in edited]
        brand_ids = [brand_id for brand_id, _, campaign_id in names if not campaign_id]
        campaign_ids = [campaign_id for *_, campaign_id in names if campaign_id]
        return (
            session.scalars(select(Brand).where(Brand.brand_id.in_(brand_ids))).all() if brand_ids else (),
            session.scalars(select(Campaign).where(Campaign.campaign_id.in_(campaign_ids))).all()
            if campaign_ids
            else (),
        )


def _send_pulse(url: str, pulse: str) -> None:
    with session_scope(url) as session:
        session.execute(select(func.pg_notify(_PULSE_CHANNEL, pulse)))
