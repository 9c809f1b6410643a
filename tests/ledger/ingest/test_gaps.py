"""A command that is missing in the journal is told once, and nothing that is there is ever called missing."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg2
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from ledger.ingest.database import LedgerDatabase
from ledger.ingest.rows import CommandRow, LedgerRow
from streams.kafka.topics import Topic
from tests.ledger.conftest import PATIENCE_SECONDS, LedgerTables, RunningLedger
from tests.ledger.ingest.test_ledger import COMMAND, NOON
from tests.streams.broker import Broker

NewLedger = Callable[[], RunningLedger]

COUNT = "SELECT count(*) FROM control_log"
WARNING = "commands_missing_in_the_journal"


async def test_a_gap_raises_the_metric_and_one_warning_and_a_restart_knows_it(
    broker: Broker, new_ledger: NewLedger, ledger_tables: LedgerTables
) -> None:
    with capture_logs() as logs:
        first = new_ledger()
        await _reported(broker, [1, 2, 4, 5, 8])
        await ledger_tables.until(COUNT, [(5,)])
        await first.stop()
    warnings = [entry for entry in logs if entry["event"] == WARNING]
    assert sorted(name for warning in warnings for name in warning["before"]) == ["summer:1:4", "summer:1:8"]
    assert _gaps() == 2

    with capture_logs() as logs:
        new_ledger()
        await _reported(broker, [9])
        await ledger_tables.until(COUNT, [(6,)])
        assert (_gaps(), [entry for entry in logs if entry["event"] == WARNING]) == (2, [])


async def test_commands_in_order_make_no_alarm_over_batches_restarts_and_epochs(
    broker: Broker, new_ledger: NewLedger, ledger_tables: LedgerTables
) -> None:
    with capture_logs() as logs:
        for sequences in ([1, 2, 3], [3, 4, 5]):
            ledger = new_ledger()
            await _reported(broker, sequences)
            await ledger_tables.until("SELECT max(sequence) FROM control_log", [(sequences[-1],)])
            await ledger.stop()
        new_ledger()
        await _reported(broker, [1, 2], epoch=2)
        await ledger_tables.until(COUNT, [(7,)])
    assert (_gaps(), [entry for entry in logs if entry["event"] == WARNING]) == (0, [])


async def test_what_is_read_again_after_a_kill_is_not_counted_again(
    broker: Broker, new_ledger: NewLedger, ledger_tables: LedgerTables
) -> None:
    """The positions of what was saved are lost, as those of a restored database may be."""
    first = new_ledger()
    await _reported(broker, [2])
    await ledger_tables.until(COUNT, [(1,)])
    await first.stop()
    ledger_tables.rows("DELETE FROM ledger_position")
    with capture_logs() as logs:
        new_ledger()
        await _reported(broker, [3])
        await ledger_tables.until(COUNT, [(2,)])
        assert (_gaps(), [entry for entry in logs if entry["event"] == WARNING]) == (1, [])


async def test_a_gap_whose_commit_was_never_answered_is_in_the_metric_all_the_same(
    broker: Broker, new_ledger: NewLedger, ledger_tables: LedgerTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = LedgerDatabase._save
    broken: list[LedgerRow] = []

    def losing(self: LedgerDatabase, rows: Sequence[LedgerRow], *more: Any) -> None:
        save(self, rows, *more)
        if not broken and any(isinstance(row, CommandRow) for row in rows):
            broken.extend(rows)
            self.take_gaps()
            raise psycopg2.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(LedgerDatabase, "_save", losing)
    new_ledger()
    await _reported(broker, [2])
    await ledger_tables.until(COUNT, [(1,)])
    async with asyncio.timeout(PATIENCE_SECONDS):
        while _gaps() != 1:
            await asyncio.sleep(0.05)
    assert broken


async def _reported(broker: Broker, sequences: Sequence[int], epoch: int = 1) -> None:
    for sequence in sequences:
        command = COMMAND | {"command_id": f"summer:{epoch}:{sequence}", "sequence": sequence, "epoch": epoch}
        await broker.publish(Topic.CAMPAIGN_CONTROL, command, partition=1, key="summer", at=NOON)


def _gaps() -> float | None:
    return REGISTRY.get_sample_value("spendgate_ledger_sequence_gaps")
