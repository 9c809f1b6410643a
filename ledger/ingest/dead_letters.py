"""Publishes the ledger's dead letters, cut to what the topic takes (docs/contract.md, "spend-events.dlq")."""

from collections.abc import Iterator, Sequence

import structlog

from core.errors import TooLarge
from streams.dead_letters.dead_letter import split_headers
from streams.dead_letters.outbox import OutgoingRecord, cut_headers, dropped_header
from streams.kafka.headers import Headers
from streams.kafka.sending import NewRecord, RecordSender
from streams.kafka.truncation import DIGEST_HEADER, HEADERS_DROPPED_HEADER, LENGTH_HEADER, TruncatedBytes, truncated
from streams.settings import Settings

__all__ = ["DeadLetterSender", "shortened"]

log = structlog.get_logger()


class DeadLetterSender:
    """Publishes the dead letters of one batch; after a failure, only those that the broker has not acknowledged."""

    def __init__(self, settings: Settings, dead_letters: Sequence[OutgoingRecord]) -> None:
        self._settings = settings
        self._waiting = list(dead_letters)

    async def send(self) -> None:
        """Return when the broker has all. Raises TooLarge when the topic does not take even the shortest form of one,
        and errors of aiokafka; the next call continues with the rest. Dead letters are rare, so each call has a
        producer of its own."""
        async with RecordSender(self._settings) as sender:
            while self._waiting:
                await self._send(sender, self._waiting[0])
                del self._waiting[0]

    async def _send(self, sender: RecordSender, dead_letter: OutgoingRecord) -> None:
        topic = self._settings.topic(dead_letter.topic)
        refused: TooLarge | None = None
        for it in shortened(dead_letter):
            try:
                await sender.one(NewRecord(topic, it.partition, it.key, it.value, it.headers))
            except TooLarge as error:
                refused = error
            else:
                if refused:
                    log.warning("dead_letter_cut", partition=dead_letter.partition, why=str(refused))
                return
        assert refused
        raise refused


def shortened(dead_letter: OutgoingRecord) -> Iterator[OutgoingRecord]:
    """The dead letter, then the same with at most half of the original's bytes, a quarter, and so on; at last only the
    headers with the original's position and the refusal."""
    yield dead_letter
    headers, ours = split_headers(dead_letter.headers)
    limit = len(dead_letter.value or b"") + sum(map(_size, headers))
    while limit:
        limit //= 2
        yield _cut_to(dead_letter, headers, ours, limit)


def _cut_to(dead_letter: OutgoingRecord, headers: Headers, ours: Headers, limit: int) -> OutgoingRecord:
    """The dead letter with at most `limit` bytes of the original: its value first, then the headers that fit."""
    value = dead_letter.value if dead_letter.value is None else truncated(dead_letter.value, limit)
    room = limit - len(value or b"")
    kept: list[tuple[str, bytes]] = []
    for header in headers:
        if (size := _size(header)) <= room:
            kept.append(header)
            room -= size
    before = dict(ours).get(HEADERS_DROPPED_HEADER)
    replaced = (
        {HEADERS_DROPPED_HEADER, LENGTH_HEADER, DIGEST_HEADER}
        if isinstance(value, TruncatedBytes)
        else {HEADERS_DROPPED_HEADER}
    )
    ours = tuple(header for header in ours if header[0] not in replaced)
    cut = (*cut_headers(value), *dropped_header(before, len(headers) - len(kept)))
    return dead_letter._replace(value=value, headers=(*kept, *ours, *cut))


def _size(header: tuple[str, bytes | None]) -> int:
    name, value = header
    return len(name.encode(errors="surrogateescape")) + len(value or b"")
