"""Reads the catalog topic for the relay, and publishes documents."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Final, NamedTuple, Self

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from core.errors import ConfigurationError, SpendgateError
from core.moment import Moment
from core.spend import valid_id
from models.lazy_log import log
from models.queries.catalog_relay import RecordVersion
from streams.kafka.clients import explaining, unreachable_after
from streams.kafka.failures import translated
from streams.kafka.headers import Headers
from streams.kafka.metadata import TopicFacts, topic_facts
from streams.kafka.options import client_options
from streams.kafka.sending import NewRecord, RecordSender
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["CatalogTopic", "OutgoingDocument", "edit_header"]

#: A broker that has not answered for so long is away.
_SILENCE_SECONDS: Final = 8
_CLOSING_SECONDS: Final = 1
_POLL_MS: Final = 500
_HIGHEST_VERSION: Final = 2**62
EDIT_HEADER: Final = "spendgate-edit"
_EDIT: Final = re.compile(rb"(\d{1,18})/(\d{1,18})")


class OutgoingDocument(NamedTuple):
    key: str
    value: bytes
    partition: int
    #: None is now.
    arrival: Moment | None = None
    headers: Headers = ()


class CatalogTopic:
    """A consumer without a group, and a producer; to be closed when Kafka does not answer. The producer is not
    idempotent (see `streams.kafka.sending`): a document that is published twice changes nothing, by its version."""

    def __init__(self, settings: Settings) -> None:
        options = client_options(settings) | {"request_timeout_ms": _SILENCE_SECONDS * 1000}
        self._settings = settings
        self._name = settings.topic(Topic.CATALOG)
        self._consumer = AIOKafkaConsumer(**options, enable_auto_commit=False, auto_offset_reset="earliest")
        self._sender = RecordSender(settings, answer_seconds=_SILENCE_SECONDS)

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        topic = cls(settings)
        try:
            async with explaining(settings):
                async with asyncio.timeout(_SILENCE_SECONDS):
                    await topic._consumer.start()
                    await topic._sender.open()
        except BaseException:
            await topic.close()
            raise
        return topic

    async def facts(self) -> TopicFacts:
        async with explaining(self._settings):
            facts = (await topic_facts(self._sender.client, [self._name])).get(self._name)
        if facts is None:
            raise ConfigurationError(f"The topic {self._name} is not there: run `spendgate topics create`.")
        if facts.partitions != self._settings.partitions:
            raise ConfigurationError(
                f"The topic {self._name} has {facts.partitions} partitions and SPENDGATE_PARTITIONS is "
                f"{self._settings.partitions}: set it to what `spendgate topics check` shows."
            )
        return facts

    async def ends(self) -> dict[int, int]:
        """The offset after the newest record, by partition."""
        async with explaining(self._settings):
            ends = await self._consumer.end_offsets([self._part(n) for n in range(self._settings.partitions)])
        return {part.partition: offset for part, offset in ends.items()}

    async def read(self, next_offsets: Mapping[int, int], ends: Mapping[int, int]) -> list[RecordVersion]:
        """The records in `[next_offsets, ends)` of each partition. Raises Unreachable when the broker falls silent."""
        unread = {self._part(n) for n, offset in next_offsets.items() if offset < ends[n]}
        if not unread:
            return []
        self._consumer.assign(unread)
        for part in unread:
            self._consumer.seek(part, next_offsets[part.partition])
        seen: list[RecordVersion] = []
        async with explaining(self._settings):
            while unread:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    seen += await self._next_records(unread)
                unread = {part for part in unread if await self._consumer.position(part) < ends[part.partition]}
        return seen

    async def publish(self, outgoing: Sequence[OutgoingDocument]) -> list[int | SpendgateError]:
        """The offset of each document, once all in-sync replicas have it, or the error: TooLarge, or Unreachable, after
        which the document may have arrived nevertheless."""
        records = [
            NewRecord(self._name, it.partition, it.key.encode(), it.value, it.headers, it.arrival) for it in outgoing
        ]
        sending = asyncio.create_task(self._sender.outcomes(records))
        try:
            async with unreachable_after(self._settings, _SILENCE_SECONDS + _CLOSING_SECONDS, operation="Write"):
                outcomes = await sending
        finally:
            sending.cancel()
        return [self._outcome(outcome) for outcome in outcomes]

    def _outcome(self, outcome: RecordMetadata | BaseException) -> int | SpendgateError:
        if isinstance(outcome, SpendgateError):
            return outcome
        if isinstance(outcome, BaseException):
            return translated(outcome, self._settings, "Write")
        offset: int = outcome.offset
        return offset

    async def close(self) -> None:
        await self._sender.close()
        with suppress(TimeoutError, KafkaError, OSError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._consumer.stop()

    async def _next_records(self, unread: set[TopicPartition]) -> list[RecordVersion]:
        """Wait until the position of a partition advances, also where compaction has left no record."""
        before = {part: await self._consumer.position(part) for part in unread}
        while True:
            batches = await self._consumer.getmany(*unread, timeout_ms=_POLL_MS)
            if any([await self._consumer.position(part) != before[part] for part in unread]):
                return [it for records in batches.values() for record in records if (it := _record_version(record))]

    def _part(self, number: int) -> TopicPartition:
        return TopicPartition(self._name, number)


class _Versioned(msgspec.Struct):
    version: Annotated[int, msgspec.Meta(ge=0, le=_HIGHEST_VERSION)]


_decode = msgspec.json.Decoder(_Versioned).decode


def _record_version(record: ConsumerRecord) -> RecordVersion | None:
    """The record's key and version. A tombstone or a value that is no document has version 0: the controller ignores it
    as well. None for a key that no document has."""
    brand_id, slash, campaign_id = (record.key or b"").decode(errors="replace").partition("/")
    if not valid_id(brand_id) or (slash and not valid_id(campaign_id)):
        log.warning("catalog_record_passed", partition=record.partition, offset=record.offset, key=brand_id[:80])
        return None
    try:
        version = _decode(record.value or b"").version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        version = 0
    return RecordVersion(
        f"{brand_id}{slash}{campaign_id}", version, record.offset, record.value or b"", _edit(record.headers)
    )


def edit_header(edit: tuple[int, int]) -> Headers:
    """The header that names the edit a document was made from (docs/contract.md, "catalog")."""
    return ((EDIT_HEADER, "{}/{}".format(*edit).encode()),)


def _edit(headers: Headers) -> tuple[int, int] | None:
    for name, value in headers:
        if name == EDIT_HEADER and (found := _EDIT.fullmatch(value or b"")):
            return int(found[1]), int(found[2])
    return None
