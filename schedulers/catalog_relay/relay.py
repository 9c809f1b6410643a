"""The catalog relay: publishes every edit of brands and campaigns, at least once and in order.

It reads the topic before it writes. Documents unknown to PostgreSQL (a relay was killed between the broker's ack and
its own commit, or another program wrote them) raise the versions, and the rows are published again. A header names
the edit that a document was made from; an edit that the database lacks was lost when a backup was restored. Such a
document is in force, and is adopted into the rows.
"""

import asyncio
from collections.abc import Collection
from typing import Final, NamedTuple

import msgspec
from sqlalchemy.orm import Session

from core.errors import ConfigurationError, SpendgateError, TooLarge, Unreachable
from core.moment import Moment
from models.errors import DatabaseAway, ModelError, NotMigrated
from models.lazy_log import log
from models.notifications import listening
from models.queries.catalog_relay import (
    PendingDocument,
    PublishedDocument,
    RecordVersion,
    RelayStore,
    TopicPosition,
    relay_store,
)
from models.running_relay import RELAY_RUNS
from models.threads import entered_in_thread, in_thread
from schedulers.catalog_relay.adoption import adopt
from schedulers.catalog_relay.documents import catalog_partition, document_of
from schedulers.catalog_relay.topic import CatalogTopic, OutgoingDocument, edit_header
from schedulers.scheduler_metrics import REFUSED_DOCUMENTS
from streams.kafka.codec import encode
from streams.kafka.metadata import TopicFacts
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.silence import SILENT_SECONDS, when_silent

__all__ = ["Relay", "publish_edit", "run_relay", "wait_until_published"]

#: How long an edit waits for its ack, and the longest that closing takes after it: ten seconds in all.
_PATIENCE_SECONDS: Final = 6
#: How much longer for each document of an edit of many.
_SECONDS_PER_DOCUMENT: Final = 0.005
_POLL_SECONDS: Final = 5
_FIRST_WAIT_SECONDS: Final = 0.5
_LONGEST_WAIT_SECONDS: Final = 10


async def run_relay(settings: Settings) -> None:
    """Publish edits until cancelled: at once after a notification, and every 5 seconds. An outage is waited out."""
    relay = Relay(settings)
    wait_seconds = _FIRST_WAIT_SECONDS
    try:
        while True:
            try:
                async with listening(settings.database, shared_lock=RELAY_RUNS) as edits:
                    while True:
                        with when_silent(_pass_is_long):
                            published = await relay.relay_pending()
                        if published:
                            log.info("catalog_published", documents=published)
                        wait_seconds = _FIRST_WAIT_SECONDS
                        await edits.wait(_POLL_SECONDS)
            except SpendgateError as error:
                log.warning("catalog_relay_waits", why=str(error), seconds=wait_seconds)
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)
    finally:
        await relay.close()


def _pass_is_long() -> None:
    why = f"PostgreSQL or Kafka has kept the catalog relay waiting for {SILENT_SECONDS:g} s: is one of them frozen?"
    log.warning("catalog_relay_waits", why=why)


def publish_edit(settings: Settings, record_keys: Collection[str] | None = None) -> None:
    """`wait_until_published` for a command line, which has no event loop."""
    asyncio.run(wait_until_published(settings, record_keys=record_keys))


async def wait_until_published(
    settings: Settings, relay: "Relay | None" = None, record_keys: Collection[str] | None = None
) -> None:
    """Return when the broker has acknowledged the documents of `record_keys`, by default of every edit that was
    committed before.

    Raises within ten seconds, and 5 ms more for each document: TooLarge where the topic refuses one of these documents;
    Unreachable or ConfigurationError where Kafka or PostgreSQL cannot be used, or a replay holds one of these campaigns
    back. A document of another key that could not be published raises nothing here; `run_relay` logs it.

    A program that edits often passes one `Relay`, which may be used concurrently.
    """
    own = relay or Relay(settings)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS + _SECONDS_PER_DOCUMENT * len(record_keys or ())):
            outcome = await own.publish_pending()
        if own.holds_campaigns and (record_keys is None or any("/" in key for key in record_keys)):
            raise Unreachable("A replay fills the broker, and campaigns are published when it has ended.")
        for key, error in outcome.failed.items():
            if record_keys is None or key in record_keys:
                raise _of_document(key, error)
    except TimeoutError as error:
        raise Unreachable(f"The broker at {settings.brokers} has not answered in time. {_KEPT}") from error
    except (Unreachable, ConfigurationError) as error:
        raise type(error)(f"{error} {_KEPT}") from error
    finally:
        if relay is None:
            await own.close()


class PassOutcome(NamedTuple):
    #: Number of documents.
    published: int
    #: Record key -> why its document was not published.
    failed: dict[str, SpendgateError]


class Relay:
    """Publishes pending documents, one pass at a time in this process and, by a lock in PostgreSQL, among all
    processes.

    While a replay fills the broker it publishes brands alone: a campaign whose spend is not there yet would resume.
    """

    def __init__(self, settings: Settings) -> None:
        #: Whether a replay fills the topic, as of the last pass.
        self.holds_campaigns = False
        #: Record key -> why the topic refuses its document, as of the last pass.
        self.refused: dict[str, str] = {}
        self._settings = settings
        self._turn = asyncio.Lock()
        self._topic: CatalogTopic | None = None
        self._topic_id: str | None = None

    async def relay_pending(self, arrival: Moment | None = None) -> int:
        """Publish as `publish_pending` does, but raise the first failure that is not a refusal. Returns the number of
        documents that this pass has published; the refused ones are in `refused`."""
        outcome = await self.publish_pending(arrival)
        for error in outcome.failed.values():
            if not isinstance(error, TooLarge):
                raise error
        return outcome.published

    async def publish_pending(self, arrival: Moment | None = None) -> PassOutcome:
        """Publish the document of every edit that was committed before the call. A document that fails keeps no other
        one from being published. Raises Unreachable or ConfigurationError when the pass itself fails.

        `arrival` becomes the timestamp of the records where producers give timestamps; by default it is now.
        """
        async with self._turn:
            try:
                topic, facts = await self._opened()
                store = relay_store(self._settings.database, self._settings.topic(Topic.CATALOG))
                async with entered_in_thread(store) as entered:
                    outcome = await self._pass(entered, topic, facts, arrival)
                if not all(isinstance(error, TooLarge) for error in outcome.failed.values()):
                    await self.close()
                return outcome
            except NotMigrated as error:
                raise ConfigurationError(str(error)) from error
            except ModelError as error:
                raise Unreachable(str(error)) from error
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        topic, self._topic = self._topic, None
        if topic is not None:
            await topic.close()

    async def _opened(self) -> tuple[CatalogTopic, TopicFacts]:
        """The open clients. They are opened again when the topic was created again, because clients would mix up the
        sequence numbers and offsets of the two topics."""
        if self._topic is not None:
            facts = await self._topic.facts()
            if facts.topic_id == self._topic_id:
                return self._topic, facts
            await self.close()
        self._topic = await CatalogTopic.open(self._settings)
        facts = await self._topic.facts()
        self._topic_id = facts.topic_id
        return self._topic, facts

    async def _pass(
        self, store: RelayStore, topic: CatalogTopic, facts: TopicFacts, arrival: Moment | None
    ) -> PassOutcome:
        position = await _caught_up(store, topic, facts)
        self.holds_campaigns = await in_thread(store.is_being_filled, facts.topic_id)
        documents = 0
        failed: dict[str, SpendgateError] = {}
        tried: list[int] = []
        while waiting := await in_thread(store.pending, brands_alone=self.holds_campaigns, excluded=tried):
            published, refused = await self._publish(store, topic, waiting, arrival)
            position = _after(position, published)
            if published:
                await in_thread(store.mark_published, published, position)
            documents += len(published)
            failed |= {pending.record_key: why for pending, why in refused}
            tried += [outbox_id for pending, _ in refused for outbox_id in pending.outbox_ids]
        self._note_refused(failed)
        return PassOutcome(documents, failed)

    def _note_refused(self, failed: dict[str, SpendgateError]) -> None:
        """Log each refusal once, and keep it in `refused` and the metric while it lasts."""
        refused = {key: str(error) for key, error in failed.items() if isinstance(error, TooLarge)}
        for key in refused.keys() - self.refused.keys():
            log.error("catalog_document_refused", record_key=key, why=refused[key])
        self.refused = refused
        REFUSED_DOCUMENTS.set(len(refused))

    async def _publish(
        self, store: RelayStore, topic: CatalogTopic, waiting: list[PendingDocument], arrival: Moment | None
    ) -> tuple[list[PublishedDocument], list[tuple[PendingDocument, SpendgateError]]]:
        held = await in_thread(store.versions, [pending.record_key for pending in waiting])
        versions = [held.get(pending.record_key, 0) + 1 for pending in waiting]
        outgoing = [self._outgoing(*document, arrival) for document in zip(waiting, versions, strict=True)]
        published: list[PublishedDocument] = []
        refused: list[tuple[PendingDocument, SpendgateError]] = []
        outcomes = await topic.publish(outgoing)
        for pending, version, record, outcome in zip(waiting, versions, outgoing, outcomes, strict=True):
            if isinstance(outcome, SpendgateError):
                refused.append((pending, outcome))
            else:
                published.append(PublishedDocument(pending, version, record.partition, outcome))
        return published, refused

    def _outgoing(self, pending: PendingDocument, version: int, arrival: Moment | None) -> OutgoingDocument:
        partition = catalog_partition(pending.row.brand_id, self._settings.partitions)
        value = encode(document_of(pending.row, version))
        return OutgoingDocument(pending.record_key, value, partition, arrival, edit_header(pending.edit))


def _of_document(key: str, error: SpendgateError) -> SpendgateError:
    if isinstance(error, TooLarge):
        return TooLarge(f"The document of {key}, and no other, is not published. {error}")
    return error


_KEPT: Final = "The edit is kept and will be published as soon as broker and database are back."


async def _caught_up(store: RelayStore, topic: CatalogTopic, facts: TopicFacts) -> TopicPosition:
    """Read what the store does not know of the topic, which normally is nothing; returns the topic's end."""
    known = await in_thread(store.position)
    ends = await topic.ends()
    if known is None or _was_recreated(known, facts, ends):
        log.info("catalog_published_anew", topic_id=facts.topic_id, known_topic_id=known and known.topic_id)
        known = TopicPosition(facts.topic_id, dict.fromkeys(ends, 0))
        await in_thread(store.start_over, known)
    position = TopicPosition(facts.topic_id, ends)
    if position != known:
        seen = await topic.read(known.next_offsets, ends)
        rowless = await in_thread(store.save_versions, seen, position, _adopt)
        if rowless:
            log.warning("catalog_records_without_a_row", record_keys=sorted(rowless)[:10], count=len(rowless))
    return position


def _adopt(session: Session, found: RecordVersion) -> None:
    """Adopt a document. One that cannot become a row stays in force until the next edit. Raises DatabaseAway, such as
    for a row that is locked for too long: then the pass fails, and the next one adopts the document."""
    try:
        with session.begin_nested():
            adopt(session, found.record_key, found.value)
    except DatabaseAway:
        raise
    except (ModelError, ValueError, IndexError, msgspec.MsgspecError) as error:
        log.error("catalog_document_not_in_the_database", record_key=found.record_key, why=str(error))
    else:
        log.error(
            "catalog_edit_was_lost",
            record_key=found.record_key,
            version=found.version,
            why="The database was restored from a backup and had not this edit, which is in force: it has it again.",
        )


def _was_recreated(known: TopicPosition, facts: TopicFacts, ends: dict[int, int]) -> bool:
    """Whether the topic was created again, has other partitions or has lost records."""
    if known.topic_id != facts.topic_id or known.next_offsets.keys() != ends.keys():
        return True
    return any(ends[n] < offset for n, offset in known.next_offsets.items())


def _after(position: TopicPosition, published: list[PublishedDocument]) -> TopicPosition:
    """The position after our own records, up to the first offset that may be another writer's."""
    next_offsets = dict(position.next_offsets)
    for document in sorted(published, key=lambda document: document.offset):
        if document.offset == next_offsets[document.partition]:
            next_offsets[document.partition] += 1
    return TopicPosition(position.topic_id, next_offsets)
