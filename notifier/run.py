"""`spendgate notifier`: the process around intake and sender. Of several, one works and the others stand by."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import psycopg2
import structlog
from aiokafka.errors import KafkaError

from core.errors import ConfigurationError, SpendgateError
from core.moment import Moment
from models.errors import ModelError
from models.leadership import Leadership
from models.threads import in_thread
from notifier.intake import READ, Intake
from notifier.notifier_metrics import LEADS
from notifier.sender import DeliverySender
from notifier.webhook import webhook_sender
from streams.clock import current_moment
from streams.health import serve_health
from streams.kafka.clients import explaining
from streams.kafka.failures import reason
from streams.kafka.missing_rights import check_rights, work_while_allowed
from streams.kafka.rights import Process
from streams.settings import Settings
from streams.until_signal import run_until_signal
from streams.worker.startup_checks import check_topics

__all__ = ["Notifier", "run"]

log = structlog.get_logger()

_METRICS_PORT: Final = 9103
#: One number for all notifiers of a database.
_LOCK: Final = 7_305_821_013
_STAND_BY_SECONDS: Final = 1.0
_CHECK_SECONDS: Final = 2.0
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 10.0


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. A message that is on its way then may be sent again by the next notifier, under the
    same id. Raises NotAllowed where it lacks a right."""
    await run_until_signal(_run(settings))


async def _run(settings: Settings) -> None:
    await check_rights(settings, Process.NOTIFIER)
    await check_topics(settings)
    notifier = Notifier(settings)
    port = _METRICS_PORT if settings.metrics_port is None else settings.metrics_port
    serve_health(settings.metrics_host, port, lambda: notifier.ready, notifier.obstacles)
    await work_while_allowed(settings, Process.NOTIFIER, notifier.run())


class Notifier:
    """Delivers for as long as it holds the lock; waits for a broker or database that is away."""

    def __init__(self, settings: Settings, clock: Callable[[], Moment] = current_moment) -> None:
        self._settings = settings
        self._clock = clock
        self._intakes: list[Intake] = []
        self._stands_by = False
        #: What failed last, by its name in the log: why.
        self._failures: dict[str, str] = {}

    @property
    def ready(self) -> bool:
        """Whether it reads both topics, or stands by for another one that does."""
        return self._stands_by or (bool(self._intakes) and all(it.reads for it in self._intakes))

    def obstacles(self) -> list[str]:
        """While it is not ready, why the last attempts failed."""
        return [] if self.ready else list(self._failures.values())

    async def run(self) -> None:
        """Deliver until cancelled. Raises ConfigurationError."""
        leadership = Leadership(self._settings.database, _LOCK)
        try:
            await self._retrying(lambda: self._lead(leadership), "database_away")
        finally:
            await in_thread(leadership.release)

    async def _lead(self, leadership: Leadership) -> None:
        try:
            while not await in_thread(leadership.acquire):
                self._stands_by = True
                await asyncio.sleep(_STAND_BY_SECONDS)
            self._stands_by = False
            log.info("notifier_leads")
            LEADS.set(1)
            await self._work(leadership)
        finally:
            self._stands_by = False
            self._intakes = []
            self._failures.clear()
            LEADS.set(0)
            await in_thread(leadership.release)

    async def _work(self, leadership: Leadership) -> None:
        added, turn = asyncio.Event(), asyncio.Lock()
        async with webhook_sender(allow_private=self._settings.notify_private_addresses) as webhooks:
            sender = DeliverySender(self._settings, webhooks, added, self._clock)
            self._intakes = [Intake(self._settings, topic, turn, added) for topic in READ]
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_watch(leadership))
                    group.create_task(sender.run())
                    for intake in self._intakes:
                        group.create_task(self._read(intake))
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from errors

    async def _read(self, intake: Intake) -> None:
        """The broker may go and come back while deliveries go on."""

        async def once() -> None:
            async with explaining(self._settings):
                await intake.run()

        await self._retrying(once, "broker_away", passed_on=(ModelError, psycopg2.Error))

    async def _retrying(
        self, work: Callable[[], Awaitable[None]], what: str, passed_on: tuple[type[Exception], ...] = ()
    ) -> None:
        """Do the work for ever, with growing pauses after failures. Raises ConfigurationError and the errors in
        `passed_on`."""
        pause_seconds = _FIRST_PAUSE_SECONDS
        while True:
            began_at = time.monotonic()
            try:
                await work()
            except (psycopg2.Error, SpendgateError, KafkaError, OSError) as error:
                if isinstance(error, (ConfigurationError, *passed_on)):
                    raise
                if time.monotonic() - began_at > _LONGEST_PAUSE_SECONDS:
                    pause_seconds = _FIRST_PAUSE_SECONDS
                self._failures[what] = why = reason(error, self._settings).strip()
                log.warning(what, why=why, again_in_seconds=pause_seconds)
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)


async def _watch(leadership: Leadership) -> None:
    while True:
        await in_thread(leadership.check)
        await asyncio.sleep(_CHECK_SECONDS)
