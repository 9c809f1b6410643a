"""The ledger's loop: poll, know the brands, save, tell, commit. Where it goes on is saved with the rows."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import psycopg2
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from models.errors import ModelError
from streams.errors import Unreachable
from streams.kafka_clients import client_options
from streams.ledger import metrics
from streams.ledger.batch import Batch
from streams.ledger.brands import Brands
from streams.ledger.database import LedgerDatabase
from streams.ledger.gaps import Gap
from streams.ledger.places import Fetched, Places, Positions
from streams.ledger.rows import Row, UnbookedRow
from streams.settings import Settings
from streams.topics import Topic

__all__ = ["GROUP", "READ", "Ledger"]

log = structlog.get_logger()

GROUP: Final = "spendgate-ledger"
READ: Final = (Topic.SPEND_EVENTS, Topic.CAMPAIGN_CONTROL, Topic.DEAD_LETTERS, Topic.SPEND_CORRECTIONS)

_POLL_MS: Final = 500
_POLL_RECORDS: Final = 20_000
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 10.0
_GAPS_NAMED_MAX: Final = 10

_T = TypeVar("_T")


class Ledger:
    """Killed at any point it goes on from the positions saved, and what it saved before is not added again."""

    def __init__(self, settings: Settings, consumer: AIOKafkaConsumer, brands: Brands) -> None:
        self._settings = settings
        self._consumer = consumer
        self._brands = brands
        self._database = LedgerDatabase(settings.database)
        #: One thread, because a connection serves one at a time, also when a stop comes in the middle of a batch.
        self._thread = ThreadPoolExecutor(1, "database")
        topics = [settings.topic(topic) for topic in READ]
        watched = [*topics, settings.topic(Topic.CATALOG)]
        self._places = Places(consumer, watched, self._database, self._in_database)
        consumer.subscribe(topics, listener=self._places)
        self._look_for_unbooked = True
        self._owns = False
        #: What it waits for now, which it should not have to.
        self._waiting_for: set[str] = set()
        self._saving: asyncio.Task[None] = asyncio.create_task(asyncio.sleep(0))
        self._known: Positions = {}

    @property
    def ready(self) -> bool:
        """Owns partitions, reads, saves and commits."""
        return self._owns and not self._waiting_for

    async def run(self) -> None:
        """Until cancelled."""
        try:
            metrics.SEQUENCE_GAPS.set(await self._in_database(self._database.count_gaps))
            while True:
                await self._round()
        finally:
            self._saving.cancel()
            await asyncio.wait([self._saving])
            await self._in_thread(self._database.close)
            self._thread.shutdown()

    async def _round(self) -> None:
        """The next batch is read while the database works on the last one."""
        fetched = await self._usable(await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS))
        positions = await self._places.positions()
        if await self._patiently(self._brands.catch_up, "broker_away"):
            self._look_for_unbooked = True
        batch = await self._batch(fetched, positions) if fetched or positions != self._known else None
        if batch or self._look_for_unbooked or self._saving.done():
            await self._saving
        if self._look_for_unbooked:
            await self._book_late()
            self._look_for_unbooked = False
        if batch:
            self._known = positions
            self._saving = asyncio.create_task(self._save_and_commit(batch))
        if not self._owns and positions:
            self._owns = True
            log.info("ledger_ready")

    async def _usable(self, fetched: Fetched) -> Fetched:
        """What was read of partitions whose place was known; the others get theirs."""
        await self._patiently(self._places.recognise, "broker_away")
        usable = self._places.usable(fetched)
        if unplaced := self._places.unplaced():
            await self._saving
            await self._patiently(lambda: self._places.place(unplaced), "broker_away")
        return usable

    async def _batch(self, fetched: Fetched, positions: Positions) -> Batch:
        """In a thread, as it takes its time; a rebalance that began meanwhile must not move what it is told."""
        incarnations = dict(self._places.incarnations)
        return await asyncio.to_thread(Batch, self._settings, self._brands.terms, incarnations, fetched, positions)

    async def _save_and_commit(self, batch: Batch) -> None:
        with metrics.BATCH_SECONDS.time():
            await self._save(batch, [])
            await self._commit(batch)

    async def _book_late(self) -> None:
        """Spend that waited for its brand, which the catalog tells now."""
        while waiting := await self._in_database(lambda: self._database.unbooked(self._brands.terms)):
            batch = Batch(self._settings, self._brands.terms, self._places.incarnations, {}, {})
            for row in waiting:
                batch.take_unbooked(row)
            await self._save(batch, waiting)
            log.info("unbooked_spend_booked", rows=len(waiting))

    async def _save(self, batch: Batch, booked: list[UnbookedRow]) -> None:
        """Positions are saved last: what is read again after a kill is told again, too."""
        positions = {} if batch.letters.records else batch.positions
        if batch.rows or booked or positions:
            refused = await self._in_database(lambda: self._database.save(batch.rows, booked, positions))
            for row in refused:
                self._note_refused(batch, row)
            for table, count in Counter(row.table for row in batch.rows).items():
                metrics.SAVED.labels(table).inc(count)
            self._note_gaps(self._database.take_gaps())
            if self._database.gaps_are_unsure:
                metrics.SEQUENCE_GAPS.set(await self._in_database(self._database.count_gaps))
        if batch.letters.records:
            await self._patiently(lambda: self._tell(batch), "broker_away")
            await self._in_database(lambda: self._database.save((), (), batch.positions))

    def _note_refused(self, batch: Batch, row: Row) -> None:
        metrics.NOT_STORABLE.labels(row.table).inc()
        log.error(
            "row_refused_by_the_database",
            table=row.table,
            partition=row.partition,
            offset=row.record_offset,
            dead_letter=batch.refused(row),
        )

    def _note_gaps(self, gaps: list[Gap]) -> None:
        """In one line: a journal that begins late misses the first commands of every campaign."""
        if gaps:
            metrics.SEQUENCE_GAPS.inc(len(gaps))
            named = [f"{gap.campaign_id}:{gap.epoch}:{gap.sequence}" for gap in gaps[:_GAPS_NAMED_MAX]]
            log.warning("commands_missing_in_the_journal", gaps=len(gaps), before=named)

    async def _tell(self, batch: Batch) -> None:
        """Rare, so the producer lives for one batch. A letter may be told twice, after a kill."""
        async with AIOKafkaProducer(**client_options(self._settings), acks="all", max_request_size=2**21) as producer:
            for letter in batch.letters.records:
                await producer.send_and_wait(
                    self._settings.topic(letter.topic),
                    letter.value,
                    key=letter.key,
                    partition=letter.partition,
                    headers=list(letter.headers),
                )

    async def _commit(self, batch: Batch) -> None:
        """Failing is harmless: who reads the same again adds nothing."""
        try:
            await self._consumer.commit(batch.offsets)
            if batch.newest_arrival:
                metrics.LAST_SAVED.set(batch.newest_arrival / 1000)
        except KafkaError as error:
            log.warning("offsets_not_committed", why=repr(error))

    async def _in_database(self, work: Callable[[], _T]) -> _T:
        return await self._patiently(lambda: self._in_thread(work), "database_away")

    def _in_thread(self, work: Callable[[], _T]) -> Awaitable[_T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _patiently(self, work: Callable[[], Awaitable[_T]], what: str) -> _T:
        """Again and again with growing pauses, not ready meanwhile; nothing is committed before it is done."""
        pause_seconds = _FIRST_PAUSE_SECONDS
        while True:
            try:
                result = await work()
            except (psycopg2.Error, ModelError, Unreachable, KafkaError) as error:
                self._wait_for(what)
                log.warning(what, why=str(error).strip(), again_in_seconds=pause_seconds)
            else:
                self._waiting_for.discard(what)
                metrics.DATABASE_AWAY.set("database_away" in self._waiting_for)
                return result
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    def _wait_for(self, what: str) -> None:
        self._waiting_for.add(what)
        metrics.DATABASE_AWAY.set("database_away" in self._waiting_for)
