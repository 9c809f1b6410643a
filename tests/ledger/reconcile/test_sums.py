"""A sum over all rows, which may take minutes."""

import asyncio

import pytest
from sqlalchemy import text

from ledger.reconcile import sums
from streams.settings import Settings
from tests.ledger.conftest import LedgerTables

RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND left(query, 9) = 'WITH slow'"


async def test_who_is_stopped_meanwhile_breaks_it_off(
    settings: Settings, ledger_tables: LedgerTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = "WITH slow AS (SELECT pg_sleep(60)) SELECT 'nike', 'c', NULL::date, false, 0 FROM slow"
    monkeypatch.setattr(sums, "_SUMS", text(slow))
    running = f"{RUNNING} AND state = 'active'"
    work = asyncio.create_task(sums.summed_below(settings.database, {}, {}))
    await ledger_tables.until(running, [(1,)])
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await ledger_tables.until(running, [(0,)])
