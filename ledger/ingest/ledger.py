"""The ledger's loop: poll, read the catalog, save rows with positions, publish dead letters, commit to the group."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import psycopg2
import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from core.errors import TooLarge, Unreachable, WentBack
from ledger.ingest import ledger_metrics
from ledger.ingest.batch import Batch
from ledger.ingest.brand_catalog import BrandCatalog
from ledger.ingest.database import LedgerDatabase
from ledger.ingest.dead_letters import DeadLetterSender
from ledger.ingest.gaps import Gap
from ledger.ingest.offsets import ConsumerPositions, Fetched, LedgerOffsets
from ledger.ingest.rows import LedgerRow, UnbookedRow
from ledger.read_topics import READ
from models.errors import ModelError
from streams.kafka.failures import explained
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.silence import SILENT_SECONDS, when_silent

__all__ = ["Ledger"]

log = structlog.get_logger()


_POLL_MS: Final = 500
_POLL_RECORDS: Final = 20_000
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 10.0
_GAPS_NAMED_MAX: Final = 10
#: How often an idle ledger checks that its database was not restored; each batch checks it as well.
_CHECK_SECONDS: Final = 2.0

_DATABASE_AWAY: Final = ("database_away", "database_silent")

_T = TypeVar("_T")


class Ledger:
    """Copies records of Kafka to PostgreSQL. After a kill the next ledger continues from the saved positions, and adds
    no row twice."""

    def __init__(self, settings: Settings, consumer: AIOKafkaConsumer, brands: BrandCatalog) -> None:
        self._settings = settings
        self._consumer = consumer
        self._brands = brands
        self._database = LedgerDatabase(settings.database)
        #: One thread, because a connection serves one at a time, also when a stop comes in the middle of a batch.
        self._thread = ThreadPoolExecutor(1, "database")
        topics = [settings.topic(topic) for topic in READ]
        watched = [*topics, settings.topic(Topic.CATALOG)]
        self._offsets = LedgerOffsets(consumer, watched, self._database, self._in_database)
        consumer.subscribe(topics, listener=self._offsets)
        self._check_unbooked = True
        #: Brands whose first spend was read from the database; later spend is noted as it comes.
        self._first_spend_read: set[str] = set()
        self._owns = False
        #: Faults that it waits out now, by name: why.
        self._waiting_for: dict[str, str] = {}
        self._saving: asyncio.Task[None] = asyncio.create_task(asyncio.sleep(0))
        self._known: ConsumerPositions = {}
        self._next_check_at = 0.0

    @property
    def ready(self) -> bool:
        """Whether it owns partitions and waits for neither broker nor database, as `/health/ready` answers."""
        return self._owns and not self._waiting_for

    def obstacles(self) -> list[str]:
        """A sentence for each fault that it waits out, and for partitions that it has not got."""
        return list(self._waiting_for.values()) or ([] if self._owns else ["It owns no partitions yet."])

    async def run(self) -> None:
        """Runs until it is cancelled. Waits for a broker or database that is away; raises ConfigurationError."""
        try:
            ledger_metrics.SEQUENCE_GAPS.set(await self._in_database(self._database.count_gaps))
            while True:
                try:
                    await self._round()
                except WentBack as error:
                    await self._read_again(error)
        finally:
            self._saving.cancel()
            await asyncio.wait([self._saving])
            await self._in_thread(self._database.close)
            self._thread.shutdown()

    async def _round(self) -> None:
        """Read the next batch while the database saves the last one."""
        if time.monotonic() >= self._next_check_at:
            await self._in_database(self._database.check_not_restored)
            self._next_check_at = time.monotonic() + _CHECK_SECONDS
        fetched = await self._fetched()
        positions = await self._offsets.positions()
        if await self._retrying(self._brands.catch_up, "broker_away"):
            self._check_unbooked = True
        await self._fix_currencies()
        batch = await self._batch(fetched, positions) if fetched or positions != self._known else None
        if batch or self._check_unbooked or self._saving.done():
            await self._saving
        if self._check_unbooked:
            await self._book_late()
            self._check_unbooked = False
        if batch:
            self._known = positions
            self._saving = asyncio.create_task(self._save_and_commit(batch))
        if not self._owns and positions:
            self._owns = True
            log.info("ledger_ready")

    async def _fix_currencies(self) -> None:
        """Note the first spend in the database of brands with a new currency: spend before it keeps the old one."""
        unread = self._brands.configs.held_back() - self._first_spend_read
        if unread:
            await self._saving
            for brand_id, arrival in (await self._in_database(lambda: self._database.first_spend(unread))).items():
                self._brands.configs.note_spend(brand_id, arrival)
            self._first_spend_read |= unread

    async def _read_again(self, error: WentBack) -> None:
        """Go back to the positions of the restored database; rows that it still has are not added twice."""
        log.error("database_went_back", why=str(error))
        ledger_metrics.WENT_BACK.inc()
        await asyncio.wait([self._saving])
        self._saving.exception()  # of the same restored database
        self._saving = asyncio.create_task(asyncio.sleep(0))
        self._database.forget()
        self._offsets.forget()
        self._known = {}
        self._check_unbooked = True

    async def _fetched(self) -> Fetched:
        """The records of one poll. Partitions that have no position yet are positioned for the next poll."""
        fetched = await self._offsets.poll(_POLL_MS, _POLL_RECORDS)
        await self._retrying(self._offsets.refresh_incarnations, "broker_away")
        usable = self._offsets.usable(fetched)
        if unpositioned := self._offsets.unpositioned():
            await self._saving
            await self._retrying(lambda: self._offsets.seek_to_stored(unpositioned), "broker_away")
        return usable

    async def _batch(self, fetched: Fetched, positions: ConsumerPositions) -> Batch:
        """Decode the records in a thread, with a copy of the incarnations, which a rebalance may change meanwhile."""
        incarnations = dict(self._offsets.incarnations)
        return await asyncio.to_thread(Batch, self._settings, self._brands.configs, incarnations, fetched, positions)

    async def _save_and_commit(self, batch: Batch) -> None:
        with ledger_metrics.BATCH_SECONDS.time():
            await self._save(batch, [])
            await self._commit(batch)

    async def _book_late(self) -> None:
        """Book the unbooked spend of brands that are in the catalog by now."""
        while waiting := await self._in_database(lambda: self._database.unbooked(self._brands.configs.brand_ids())):
            batch = Batch(self._settings, self._brands.configs, self._offsets.incarnations, {}, {})
            for row in waiting:
                batch.take_unbooked(row)
            await self._save(batch, waiting)
            log.info("unbooked_spend_booked", rows=len(waiting))

    async def _save(self, batch: Batch, booked: list[UnbookedRow]) -> None:
        """Save the rows. Where there are dead letters the positions are saved after the broker has them, so that after
        a kill the records are read, and their dead letters published, again."""
        positions = {} if batch.dead_letters.records else batch.positions
        if batch.rows or booked or positions:
            refused = await self._in_database(lambda: self._database.save(batch.rows, booked, positions))
            for row in refused:
                self._note_refused(batch, row)
            for table, count in Counter(row.table for row in batch.rows).items():
                ledger_metrics.SAVED.labels(table).inc(count)
            self._note_gaps(self._database.take_gaps())
            if self._database.gaps_are_unsure:
                ledger_metrics.SEQUENCE_GAPS.set(await self._in_database(self._database.count_gaps))
        if batch.dead_letters.records:
            sender = DeadLetterSender(self._settings, batch.dead_letters.records)
            await self._retrying(sender.send, "dead_letters_wait")
            await self._in_database(lambda: self._database.save((), (), batch.positions))

    def _note_refused(self, batch: Batch, row: LedgerRow) -> None:
        ledger_metrics.NOT_STORABLE.labels(row.table).inc()
        log.error(
            "row_refused_by_the_database",
            table=row.table,
            partition=row.partition,
            offset=row.record_offset,
            dead_letter=batch.refused(row),
        )

    def _note_gaps(self, gaps: list[Gap]) -> None:
        """Count gaps, and log one line for a batch: a journal that begins late lacks the first commands of all
        campaigns."""
        if gaps:
            ledger_metrics.SEQUENCE_GAPS.inc(len(gaps))
            named = [f"{gap.campaign_id}:{gap.epoch}:{gap.sequence}" for gap in gaps[:_GAPS_NAMED_MAX]]
            log.warning("commands_missing_in_the_journal", gaps=len(gaps), before=named)

    async def _commit(self, batch: Batch) -> None:
        """Commit the offsets to the group, which shows the lag; the positions are in the database already."""
        try:
            if batch.offsets:  # none after a rebalance that took every partition; aiokafka refuses to commit nothing
                await self._consumer.commit(batch.offsets)
            if batch.newest_arrival:
                ledger_metrics.LAST_SAVED.set(batch.newest_arrival / 1000)
        except KafkaError as error:
            log.warning("offsets_not_committed", why=repr(error))

    async def _in_database(self, work: Callable[[], _T]) -> _T:
        return await self._retrying(lambda: self._in_thread(work), "database_away")

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        with when_silent(self._database_is_silent):
            answer = await asyncio.get_running_loop().run_in_executor(self._thread, work)
        self._waiting_for.pop("database_silent", None)
        return answer

    def _database_is_silent(self) -> None:
        why = f"PostgreSQL has not answered for {SILENT_SECONDS:g} s: is it frozen?"
        self._wait_for("database_silent", why)
        log.warning("database_silent", why=why)

    async def _retrying(self, work: Callable[[], Awaitable[_T]], what: str) -> _T:
        """The result of `work`, retried with growing pauses while broker or database is away; not ready meanwhile."""
        pause_seconds = _FIRST_PAUSE_SECONDS
        while True:
            try:
                result = await work()
            except (psycopg2.Error, ModelError, Unreachable, TooLarge, KafkaError) as error:
                self._wait_for(what, why := str(error).strip())
                if isinstance(error, KafkaError):
                    self._wait_for(what, why := str(await explained(error, self._settings)).strip())
                log.warning(what, why=why, again_in_seconds=pause_seconds)
            else:
                self._waiting_for.pop(what, None)
                ledger_metrics.DATABASE_AWAY.set(self._waits_for_database())
                return result
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    def _wait_for(self, what: str, why: str) -> None:
        self._waiting_for[what] = why
        ledger_metrics.DATABASE_AWAY.set(self._waits_for_database())

    def _waits_for_database(self) -> bool:
        return not self._waiting_for.keys().isdisjoint(_DATABASE_AWAY)
