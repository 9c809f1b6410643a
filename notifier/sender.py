"""Sends what waits: one delivery after the other for each brand of a webhook, one digest at a time for people."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

import structlog

from core.moment import SECOND, Moment
from models.queries.deliveries import (
    DeliveryQueue,
    Waiting,
    delete_finished,
    delivered,
    failed,
    waiting_in_queue,
    waiting_queues,
)
from models.session import session_scope
from models.threads import in_thread
from notifier.backoff import next_attempt_at
from notifier.channel_address import WEBHOOK
from notifier.digest import digest_due_at, digest_of
from notifier.messages import Source, summary_of
from notifier.notifier_metrics import ATTEMPTS, WAITING
from notifier.people import send_message
from notifier.webhook import NotDelivered, WebhookSender
from streams.settings import Settings

__all__ = ["DeliverySender"]

log = structlog.get_logger()

#: How often it looks for what the commands and pages of people have changed.
_POLL_SECONDS: Final = 1.0
_TAKEN_AT_ONCE: Final = 100
_DIGEST_MAX: Final = 10_000
#: Requests to one receiver, and in all: one that hangs keeps nobody else waiting.
_QUEUES_OF_A_CHANNEL: Final = 8
_QUEUES: Final = 200
#: Kept so long after its end; longer than `budget-alerts` has its record, which would be delivered again.
_KEPT_MS: Final = 40 * 86_400 * SECOND
_CLEAN_MS: Final = 3600 * SECOND


class _QueueKey(NamedTuple):
    channel: str
    brand_id: str | None


class DeliverySender:
    """`clock` gives the present in milliseconds. What fails is tried again as `notifier/backoff.py` says."""

    def __init__(
        self, settings: Settings, webhooks: WebhookSender, added: asyncio.Event, clock: Callable[[], Moment]
    ) -> None:
        self._settings = settings
        self._webhooks = webhooks
        self._wake = added
        self._clock = clock
        self._busy: dict[_QueueKey, asyncio.Task[None]] = {}
        self._clean_at: Moment = 0

    async def run(self) -> None:
        """Send until cancelled. Raises ModelError. A message that is on its way then may have arrived, and is sent
        again."""
        try:
            while True:
                self._wake.clear()
                await self._clean()
                queues = await in_thread(self._queues)
                WAITING.set(len(queues))
                next_at = self._start_due(queues)
                pause = _POLL_SECONDS if next_at is None else (next_at - self._clock()) / SECOND
                try:
                    async with asyncio.timeout(max(0.0, min(pause, _POLL_SECONDS))):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._raise_failures()
        finally:
            for task in self._busy.values():
                task.cancel()
            if self._busy:
                await asyncio.wait(self._busy.values())

    def _start_due(self, queues: list[DeliveryQueue]) -> Moment | None:
        """Start sending what is due; returns the moment at which the next of the others is due."""
        now = self._clock()
        next_at: Moment | None = None
        of_channel = Counter(key.channel for key in self._busy)
        for queue in queues:
            key = _QueueKey(queue.channel, queue.brand_id)
            if key in self._busy:
                continue
            due_at = self._due_at(queue)
            if due_at > now:
                next_at = due_at if next_at is None else min(next_at, due_at)
            elif of_channel[queue.channel] < _QUEUES_OF_A_CHANNEL and len(self._busy) < _QUEUES:
                of_channel[queue.channel] += 1
                self._busy[key] = asyncio.create_task(self._serve(key, queue.kind))
                self._busy[key].add_done_callback(lambda _: self._wake.set())
        return next_at

    def _due_at(self, queue: DeliveryQueue) -> Moment:
        due_at = queue.next_attempt_at or 0
        if queue.brand_id is not None:
            return due_at
        return max(due_at, digest_due_at(queue.oldest_at, queue.newest_at, queue.last_sent_at))

    def _raise_failures(self) -> None:
        for key, task in list(self._busy.items()):
            if task.done():
                del self._busy[key]
                task.result()

    async def _serve(self, key: _QueueKey, kind: str) -> None:
        if key.brand_id is None:
            await self._send_digest(key)
        else:
            await self._send_each(key, kind)

    async def _send_each(self, key: _QueueKey, kind: str) -> None:
        """Send the deliveries in their order, up to the first that fails."""
        while rows := await in_thread(self._rows, key, _TAKEN_AT_ONCE):
            for row in rows:
                if not await self._send_one(key, kind, row):
                    return
                # Asked before each: an operator may have paused or removed the channel meanwhile.
                if row is not rows[-1] and not await in_thread(self._rows, key, 1):
                    return

    async def _send_one(self, key: _QueueKey, kind: str, row: Waiting) -> bool:
        at = self._clock()
        try:
            if kind == WEBHOOK:
                assert row.secret is not None
                await self._webhooks.send(row.address, row.secret, row.message_id, row.body, at)
            else:
                summary = summary_of(row.body)
                await self._send_words(row.address, f"Spendgate: {summary.title}", summary.words)
        except NotDelivered as error:
            await self._note_failure(key, kind, [row], error)
            return False
        await self._note_delivery(kind, [row])
        return True

    async def _send_digest(self, key: _QueueKey) -> None:
        rows = await in_thread(self._rows, key, _DIGEST_MAX)
        if not rows:
            return
        digest = digest_of([summary_of(row.body) for row in rows])
        try:
            await self._send_words(rows[0].address, digest.title, digest.text)
        except NotDelivered as error:
            await self._note_failure(key, "message", rows, error)
        else:
            await self._note_delivery("message", rows)

    async def _send_words(self, address: str, title: str, text: str) -> None:
        await send_message(address, title, text, allow_private=self._settings.notify_private_addresses)

    async def _note_delivery(self, kind: str, rows: list[Waiting]) -> None:
        ATTEMPTS.labels(kind, "delivered").inc()
        await in_thread(self._mark_delivered, [row.delivery_id for row in rows])

    async def _note_failure(self, key: _QueueKey, kind: str, rows: list[Waiting], error: NotDelivered) -> None:
        ATTEMPTS.labels(kind, "failed").inc()
        now, why = self._clock(), str(error)
        # A person waits for the answer to a test, which is therefore not tried again.
        outcomes = [
            (
                row.delivery_id,
                None
                if row.source == Source.TEST
                else next_attempt_at(row.attempts + 1, row.due_since, now, error.retry_after),
            )
            for row in rows
        ]
        given_up = sum(next_at is None for _, next_at in outcomes)
        log.warning("not_delivered", channel=key.channel, brand_id=key.brand_id, why=why, given_up=given_up)
        await in_thread(self._mark_failed, outcomes, why)

    def _queues(self) -> list[DeliveryQueue]:
        with session_scope(self._settings.database) as session:
            return waiting_queues(session)

    def _rows(self, key: _QueueKey, limit: int) -> list[Waiting]:
        with session_scope(self._settings.database) as session:
            return waiting_in_queue(session, key.channel, key.brand_id, limit)

    def _mark_delivered(self, ids: list[int]) -> None:
        with session_scope(self._settings.database) as session:
            delivered(session, ids)

    def _mark_failed(self, outcomes: list[tuple[int, Moment | None]], why: str) -> None:
        with session_scope(self._settings.database) as session:
            failed(session, outcomes, why)

    async def _clean(self) -> None:
        if self._clock() >= self._clean_at:
            self._clean_at = self._clock() + _CLEAN_MS
            await in_thread(self._delete_old)

    def _delete_old(self) -> None:
        with session_scope(self._settings.database) as session:
            delete_finished(session, self._clock() - _KEPT_MS)
