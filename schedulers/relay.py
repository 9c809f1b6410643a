"""The catalog relay: tells Kafka every edit of brands and campaigns, at least once and in order.

It reads the topic before it writes. What lies there unknown to PostgreSQL (a relay was killed between ack and mark, a
backup was restored, somebody else wrote) raises the versions and is published again from the rows.
"""

import asyncio
from typing import Final

import structlog

from models.catalog_relay import Pending, Published, RelayStore, TopicPosition, relay_store
from models.errors import ModelError, NotMigrated
from schedulers.catalog_documents import catalog_partition, document_of
from schedulers.relay_listen import listening
from schedulers.relay_threads import entered_in_thread, in_thread
from schedulers.relay_topic import CatalogTopic, Outgoing
from streams.core.moment import Moment
from streams.errors import ConfigurationError, SpendgateError, Unreachable
from streams.records import encode
from streams.settings import Settings
from streams.topic_ids import TopicFacts
from streams.topics import Topic

__all__ = ["Relay", "publish_edit", "run_relay", "wait_until_published"]

#: How long an edit waits for its ack, and the longest that closing takes after it: ten seconds in all.
_PATIENCE_SECONDS: Final = 6
_POLL_SECONDS: Final = 5
_FIRST_WAIT_SECONDS: Final = 0.5
_LONGEST_WAIT_SECONDS: Final = 10

log = structlog.get_logger()


async def run_relay(settings: Settings) -> None:
    """For ever: at once after an edit, every few seconds as a safety net, with patience while something is away."""
    relay = Relay(settings)
    wait_seconds = _FIRST_WAIT_SECONDS
    try:
        while True:
            try:
                async with listening(settings.database) as edits:
                    while True:
                        if published := await relay.relay_pending():
                            log.info("catalog_published", documents=published)
                        wait_seconds = _FIRST_WAIT_SECONDS
                        await edits.wait(_POLL_SECONDS)
            except (SpendgateError, ModelError) as error:
                log.warning("catalog_relay_waits", why=str(error), seconds=wait_seconds)
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)
    finally:
        await relay.close()


def publish_edit(settings: Settings) -> None:
    """For a command line: returns when the broker has every edit that was committed before."""
    asyncio.run(wait_until_published(settings))


async def wait_until_published(settings: Settings, relay: "Relay | None" = None) -> None:
    """Returns when the broker has every edit that was committed before, or raises within ten seconds.

    A program that edits often keeps one `Relay` and hands it in; it may be used by many at once.
    """
    own = relay or Relay(settings)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await own.relay_pending()
        if own.holds_campaigns:
            raise Unreachable("A replay fills the broker, and campaigns are told when it has ended.")
    except TimeoutError as error:
        raise Unreachable(f"The broker at {settings.brokers} has not answered in time. {_KEPT}") from error
    except (Unreachable, ConfigurationError) as error:
        raise type(error)(f"{error} {_KEPT}") from error
    finally:
        if relay is None:
            await own.close()


class Relay:
    """One pass at a time, in this process and, by a lock in PostgreSQL, among all of them.

    While a replay fills the broker it publishes brands alone: a campaign whose spend is not there yet would be told to
    resume.
    """

    def __init__(self, settings: Settings) -> None:
        #: As of the last pass.
        self.holds_campaigns = False
        self._settings = settings
        self._turn = asyncio.Lock()
        self._topic: CatalogTopic | None = None
        self._topic_id: str | None = None

    async def relay_pending(self, arrival: Moment | None = None) -> int:
        """Publishes what waits and returns how many documents; every edit committed before the call is among them.

        `arrival` is theirs where arrivals are given by producers; by default it is now.
        """
        async with self._turn:
            try:
                topic, facts = await self._opened()
                store = relay_store(self._settings.database, self._settings.topic(Topic.CATALOG))
                async with entered_in_thread(store) as entered:
                    return await self._pass(entered, topic, facts, arrival)
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
        """Clients that have known another topic of this name would mix up its sequence numbers and offsets."""
        if self._topic is not None:
            facts = await self._topic.facts()
            if facts.topic_id == self._topic_id:
                return self._topic, facts
            await self.close()
        self._topic = await CatalogTopic.open(self._settings)
        facts = await self._topic.facts()
        self._topic_id = facts.topic_id
        return self._topic, facts

    async def _pass(self, store: RelayStore, topic: CatalogTopic, facts: TopicFacts, arrival: Moment | None) -> int:
        position = await _caught_up(store, topic, facts)
        self.holds_campaigns = await in_thread(store.is_being_filled, facts.topic_id)
        documents = 0
        while waiting := await in_thread(store.pending, brands_alone=self.holds_campaigns):
            published = await self._publish(store, topic, waiting, arrival)
            position = _after(position, published)
            await in_thread(store.mark, published, position)
            documents += len(published)
        return documents

    async def _publish(
        self, store: RelayStore, topic: CatalogTopic, waiting: list[Pending], arrival: Moment | None
    ) -> list[Published]:
        held = await in_thread(store.versions, [pending.record_key for pending in waiting])
        versions = [held.get(pending.record_key, 0) + 1 for pending in waiting]
        outgoing = [self._outgoing(*document, arrival) for document in zip(waiting, versions, strict=True)]
        offsets = await topic.publish(outgoing)
        return [
            Published(pending, version, record.partition, offset)
            for pending, version, record, offset in zip(waiting, versions, outgoing, offsets, strict=True)
        ]

    def _outgoing(self, pending: Pending, version: int, arrival: Moment | None) -> Outgoing:
        partition = catalog_partition(pending.row.brand_id, self._settings.partitions)
        return Outgoing(pending.record_key, encode(document_of(pending.row, version)), partition, arrival)


_KEPT: Final = "The edit is kept and will be published as soon as broker and database are back."


async def _caught_up(store: RelayStore, topic: CatalogTopic, facts: TopicFacts) -> TopicPosition:
    """Everything on the topic is known to the store; normally that was so already."""
    known = await in_thread(store.position)
    ends = await topic.ends()
    if known is None or _is_another(known, facts, ends):
        log.info("catalog_published_anew", topic_id=facts.topic_id, known_topic_id=known and known.topic_id)
        known = TopicPosition(facts.topic_id, dict.fromkeys(ends, 0))
        await in_thread(store.start_anew, known)
    position = TopicPosition(facts.topic_id, ends)
    if position != known:
        seen = await topic.read(known.next_offsets, ends)
        rowless = await in_thread(store.learn, seen, position)
        if rowless:
            log.warning("catalog_records_without_a_row", record_keys=sorted(rowless)[:10], count=len(rowless))
    return position


def _is_another(known: TopicPosition, facts: TopicFacts, ends: dict[int, int]) -> bool:
    """A topic that was made anew, has grown partitions or has lost records."""
    if known.topic_id != facts.topic_id or known.next_offsets.keys() != ends.keys():
        return True
    return any(ends[n] < offset for n, offset in known.next_offsets.items())


def _after(position: TopicPosition, published: list[Published]) -> TopicPosition:
    """Past our own records, up to where somebody else's may lie between them: the next pass reads from there."""
    next_offsets = dict(position.next_offsets)
    for document in sorted(published, key=lambda document: document.offset):
        if document.offset == next_offsets[document.partition]:
            next_offsets[document.partition] += 1
    return TopicPosition(position.topic_id, next_offsets)
