"""Controller and ledger are compared each night. Whatever goes wrong here is told and tried again; no tick waits."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from models.reconcile_run import Outcome, ReconcileRun, last_reconcile
from models.session import session_scope
from schedulers.metrics import FAILURES, LAST_RECONCILE, RECONCILE_DIFFERENCES, RECONCILE_SECONDS
from schedulers.schedules import NIGHTLY_RECONCILE
from schedulers.ticks_due import latest_due
from streams.core.moment import SECOND, Moment
from streams.ledger.reconcile import reconcile
from streams.ledger.runs import record_failure, record_run
from streams.settings import Settings

__all__ = ["NightlyReconcile"]

log = structlog.get_logger()

_LOOK_SECONDS: Final = 30.0
_RETRY_SECONDS: Final = 600.0
_STARTED_BY: Final = "scheduler"


class NightlyReconcile:
    """A night that was slept through is made up for; a new installation waits for its first one."""

    def __init__(self, settings: Settings, clock: Callable[[], Moment]) -> None:
        self._settings = settings
        self._clock = clock
        self._compared_at: Moment | None = None

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.compare_if_due()
                pause_seconds = _LOOK_SECONDS
            except Exception as error:
                FAILURES.labels("reconcile").inc()
                log.warning("reconcile_failed", why=str(error), again_in_seconds=_RETRY_SECONDS)
                pause_seconds = _RETRY_SECONDS
            await asyncio.sleep(pause_seconds)

    async def compare_if_due(self) -> None:
        """Raises whatever keeps it from comparing."""
        if self._compared_at is None:
            self._compared_at = await asyncio.to_thread(self._last)
        if self._compared_at < latest_due(NIGHTLY_RECONCILE, self._clock()).due_at:
            await self._compare()
            self._compared_at = self._clock()

    def _last(self) -> Moment:
        with session_scope(self._settings.database) as session:
            run = last_reconcile(session)
        if run is None:
            return self._clock()
        _tell(run)
        return 0 if run.outcome == Outcome.FAILED else run.finished_at

    async def _compare(self) -> None:
        started_at = self._clock()
        try:
            found = await reconcile(self._settings)
        except Exception as error:
            await asyncio.to_thread(
                record_failure,
                self._settings,
                str(error),
                started_by=_STARTED_BY,
                started_at=started_at,
                finished_at=self._clock(),
            )
            raise
        run = await asyncio.to_thread(record_run, self._settings, found, started_by=_STARTED_BY)
        _tell(run)
        log.info("reconciled", brands=run.brands, campaigns=run.campaigns, differences=run.differences)


def _tell(run: ReconcileRun) -> None:
    if run.outcome != Outcome.FAILED:
        RECONCILE_DIFFERENCES.set(len(run.differences))
        LAST_RECONCILE.set(run.finished_at / SECOND)
        RECONCILE_SECONDS.set((run.finished_at - run.started_at) / SECOND)
