"""Compares controller and ledger each night. A failure is logged and retried; no tick waits for it."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from core.moment import SECOND, Moment
from ledger.reconcile.reconciliation import reconcile
from ledger.reconcile.runs import record_failure, record_run
from models.session import session_scope
from models.tables.reconcile_run import ReconcileOutcome, ReconcileRun, last_reconcile
from schedulers.scheduler_metrics import FAILURES, LAST_RECONCILE, RECONCILE_DIFFERENCES, RECONCILE_SECONDS
from schedulers.schedules import NIGHTLY_RECONCILE
from schedulers.ticks_due import latest_due
from streams.settings import Settings

__all__ = ["NightlyReconcile"]

log = structlog.get_logger()

_CHECK_SECONDS: Final = 30.0
_RETRY_SECONDS: Final = 600.0
_STARTED_BY: Final = "scheduler"


class NightlyReconcile:
    """Compares once a night. A missed night is caught up on; a new installation waits for its first night."""

    def __init__(self, settings: Settings, clock: Callable[[], Moment]) -> None:
        self._settings = settings
        self._clock = clock
        self._compared_at: Moment | None = None

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                await self.compare_if_due()
                pause_seconds = _CHECK_SECONDS
            except Exception as error:
                FAILURES.labels("reconcile").inc()
                log.warning("reconcile_failed", why=str(error), again_in_seconds=_RETRY_SECONDS)
                pause_seconds = _RETRY_SECONDS
            await asyncio.sleep(pause_seconds)

    async def compare_if_due(self) -> None:
        """Compare when the last comparison is older than the latest night. Raises what a reconcile raises."""
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
        _report(run)
        return 0 if run.outcome == ReconcileOutcome.FAILED else run.finished_at

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
        _report(run)
        for hole in found.holes:
            log.error("ledger_lacks_rows", why=hole.sentence)
        log.info("reconciled", brands=run.brands, campaigns=run.campaigns, differences=run.differences)


def _report(run: ReconcileRun) -> None:
    if run.outcome != ReconcileOutcome.FAILED:
        RECONCILE_DIFFERENCES.set(len(run.differences))
        LAST_RECONCILE.set(run.finished_at / SECOND)
        RECONCILE_SECONDS.set((run.finished_at - run.started_at) / SECOND)
