"""`spendgate reconcile`, as an operator types it."""

import asyncio
import io
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from models.connection import connect
from models.session import session_scope
from models.tables.reconcile_run import last_reconcile
from tests.commands import Commands
from tests.installation import Surroundings
from tests.ledger.ledger_process import LedgerProcess
from tests.streams.worker_process import WorkerProcess


@pytest.fixture(scope="module")
def ledger(
    surroundings: Surroundings, worker: WorkerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LedgerProcess]:
    process = LedgerProcess(surroundings.settings, Path(tmp_path_factory.mktemp("ledger")) / "ledger.log")
    asyncio.run(process.until_ready())
    yield process
    process.kill()


@pytest.fixture
def brand_id(commands: Commands, ledger: LedgerProcess) -> str:
    """With 1.25 of one campaign today."""
    brand_id = commands.brand()
    commands.done("simulate-spend", commands.campaign(brand_id), "1.25")
    commands.done("brand", "show", brand_id)  # waits for the controller
    return brand_id


@pytest.fixture
def planted(surroundings: Surroundings, brand_id: str) -> str:
    """The brand with a row that the controller has never seen."""
    copied = "campaign_id, 0.5, currency, occurred_at, booked_day, booked_month, arrived_at, incarnation, partition"
    with (
        closing(connect(surroundings.settings.database)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        while cursor.rowcount < 1:  # the ledger may take a moment
            cursor.execute(
                f"INSERT INTO spend_log SELECT brand_id, 'planted', {copied}, record_offset FROM spend_log "  # noqa: S608
                "WHERE brand_id = %s",
                [brand_id],
            )
    return brand_id


def test_where_both_agree_it_says_so_and_is_exit_0(commands: Commands, brand_id: str) -> None:
    assert commands.done("reconcile", "--brand", brand_id) == (
        "The controller's totals are the ledger's rows: 1 brands, 1 campaigns.\n"
    )
    found = commands.json("reconcile", "--brand", brand_id)
    assert (found["brand_id"], found["brands"], found["differences"], found["corrections"]) == (brand_id, 1, [], [])
    assert all("spend-events" in at for at in found["positions"].values())


def test_a_difference_is_a_table_and_exit_1_and_is_repaired_when_somebody_says_yes(
    commands: Commands, planted: str, monkeypatch: pytest.MonkeyPatch, surroundings: Surroundings
) -> None:
    result = commands.run("reconcile", "--brand", planted)
    assert result.exit_code == 1
    assert "1.25        1.75    0.50" in result.out
    assert "reconcile --repair" in result.err
    assert "give --yes" in commands.refused("reconcile", "--brand", planted, "--repair")
    monkeypatch.setattr("sys.stdin", _Terminal("perhaps\n"))
    result = commands.run("reconcile", "--brand", planted, "--repair")
    assert (result.exit_code, result.out) == (1, "")
    assert result.err.endswith("Nothing was done.\n")

    monkeypatch.setattr("sys.stdin", _Terminal("yes\n"))
    result = commands.run("reconcile", "--brand", planted, "--repair")
    assert (result.exit_code, result.err.splitlines()[-1]) == (0, "1 corrections were applied.")
    assert commands.json("brand", "show", planted)["daily_spent"] == "1.75"
    again = commands.json("reconcile", "--brand", planted, "--repair")
    assert (again["differences"], again["corrections"]) == ([], [])


def test_for_scripts_it_is_repaired_with_yes_and_what_was_found_is_kept(
    commands: Commands, planted: str, surroundings: Surroundings
) -> None:
    # Other tests plant rows as well, some of brands that no controller holds and no correction can mend.
    result = commands.run("reconcile", "--repair", "--yes", "--json")
    found = json.loads(result.out)
    left = found["differences"]
    assert planted not in {it["brand_id"] for it in left}
    assert result.exit_code == (1 if left else 0)
    [correction] = [it for it in found["corrections"] if it["brand_id"] == planted]
    assert (correction["amount"], correction["opening"]) == ("0.50", False)
    outcome = "differs" if left else "agrees"
    with session_scope(surroundings.settings.database) as session:
        last = last_reconcile(session)
    assert last and (last.outcome, last.started_by) == (outcome, "cli:tester")
    observed = commands.json("status")["last_reconcile"]
    assert (observed["outcome"], observed["differences"], observed["failure"]) == (outcome, len(left), None)
    status = commands.done("status")
    assert (f"{len(left)} differences at" if left else "no difference at") in status
    assert "\nledger lag " in status


def test_a_brand_that_nobody_knows_is_exit_3(commands: Commands, ledger: LedgerProcess) -> None:
    result = commands.run("reconcile", "--brand", "nobody")
    assert (result.exit_code, result.err) == (3, "Neither the controller nor the ledger knows a brand nobody.\n")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
