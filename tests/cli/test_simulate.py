"""`simulate-traffic` and `simulate-day`, and that their totals are what controller and ledger come to."""

import asyncio
import signal
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulation.comparison import PlanDifference, controller_differences, ledger_differences, planned_by_key
from simulation.planned_totals import PlannedTotals
from streams.kafka.provision import admin_client
from streams.kafka.topics import ALL_TOPICS
from tests.commands import Commands, start
from tests.installation import Surroundings
from tests.streams.worker_process import WorkerProcess

PATIENCE_SECONDS = 30
ODD = ("--duplicates", "10", "--late", "10", "--refunds", "5", "--wrong-keys", "10")

Rows = list[dict[str, Any]]


def test_live_traffic_comes_to_the_totals_that_it_tells(commands: Commands, worker: WorkerProcess) -> None:
    brand_ids = [commands.brand("--daily-budget", "1") for _ in range(2)]
    for brand_id in brand_ids:
        spent = commands.campaign(brand_id)
        commands.campaign(brand_id)
        commands.done("simulate-spend", spent, "0.50")
        _await_totals(commands, brand_id, [{"campaign_id": spent, "period": "total", "then": "0.50"}])
    only = [word for brand_id in brand_ids for word in ("--brand", brand_id)]
    observed = commands.json("simulate-traffic", *only, "--rate", "1000", "--events", "500", *ODD)
    assert (
        observed["events"] == 500
        and min(observed["duplicates"], observed["late"], observed["refunds"], observed["wrong_keys"]) > 0
    )
    for brand_id in brand_ids:
        rows = [row for row in observed["totals"] if row["brand_id"] == brand_id]
        assert any(row["then"] not in (None, row["spent"]) for row in rows)
        _await_totals(commands, brand_id, rows)


def test_traffic_ends_with_ctrl_c_and_tells_what_it_sent(commands: Commands, worker: WorkerProcess) -> None:
    brand_id = commands.brand()
    campaign_id = commands.campaign(brand_id)
    process = start("simulate-traffic", "--brand", brand_id, "--rate", "200", "--late", "0")
    assert process.stderr and process.stdout
    assert b"Ctrl-C" in process.stderr.readline()
    _wait_until(lambda: commands.json("campaign", "show", campaign_id)["total_spent"] not in (None, "0.00"))
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    today = next(line.split() for line in out.decode().splitlines() if line.split()[1:2] == ["day"])
    assert today[0] == brand_id
    _wait_until(lambda: commands.json("brand", "show", brand_id)["daily_spent"] == today[4])


def test_a_day_with_its_own_worker_and_ledger_comes_to_the_totals_that_were_planned(
    commands: Commands, surroundings: Surroundings
) -> None:
    observed = commands.json("simulate-day", "2025-08-31", "--events", "3000", "--brands", "6", "--run", *ODD)
    assert observed["differences"] == [] and observed["events"] == 3000
    assert {row["period"] for row in observed["totals"]} == {"day", "month", "total"}
    assert not observed["kept"]
    assert _topics(surroundings, observed["environment"]["SPENDGATE_TOPIC_PREFIX"]) == []


def test_a_day_is_left_on_topics_of_its_own_and_the_same_seed_is_refused_there(
    commands: Commands, surroundings: Surroundings
) -> None:
    day = ("simulate-day", "2025-08-31", "--events", "500", "--brands", "2", "--seed", "42")
    observed = commands.json(*day)
    prefix = observed["environment"]["SPENDGATE_TOPIC_PREFIX"]
    assert prefix == f"{surroundings.settings.topic_prefix}sim-20250831-42-"
    assert len(_topics(surroundings, prefix)) == len(ALL_TOPICS)
    assert observed["differences"] is None and observed["kept"]
    assert "another --seed" in commands.refused(*day)


def test_every_total_that_nobody_counted_is_a_difference(commands: Commands, surroundings: Surroundings) -> None:
    totals = PlannedTotals()
    totals.add("nobody", "nobody-1", datetime.now(UTC).date(), 1_500_000)
    planned = planned_by_key(totals)
    assert len(planned) == 5
    missing = ledger_differences(surroundings.settings.database, totals)
    assert {(it.key, it.planned_micros, it.found_micros) for it in missing} == {(key, 1_500_000, 0) for key in planned}
    differences = asyncio.run(controller_differences(surroundings.settings, totals))
    assert differences == [PlanDifference("controller", ("nobody", "nobody-1", "total", None), 1_500_000, 0)]


@pytest.mark.parametrize(
    ("arguments", "observed"),
    [
        (("simulate-day", "2025-02-30"), "no date"),
        (("simulate-day", "none"), "is no date for the day"),
        (("simulate-day", (datetime.now(UTC) + timedelta(days=1)).date().isoformat()), "no past day"),
        (("simulate-day", "--events", "0"), "number of events"),
        (("simulate-day", "--rush-hour", "24"), "number of hours"),
        (("simulate-day", "--speed", "0"), "speed"),
        (("simulate-day", "--late", "101"), "percentage of late events"),
        (("simulate-traffic", "--duplicates", "-1"), "percentage of duplicates"),
        (("simulate-traffic", "--rate", "nan"), "rate"),
        (("simulate-traffic", "--seconds", "1.5"), "number of seconds"),
        (("simulate-traffic", "--brand", "a b"), "no brand id"),
    ],
)
def test_a_wrong_option_is_refused(commands: Commands, arguments: tuple[str, ...], observed: str) -> None:
    assert observed in commands.refused(*arguments)


def test_traffic_of_a_brand_that_is_not_there_or_has_no_campaign_is_not_found(commands: Commands) -> None:
    for brand_id in ("nobody", commands.brand()):
        result = commands.run("simulate-traffic", "--brand", brand_id, "--events", "1")
        assert (result.exit_code, result.out) == (3, "")


def _await_totals(commands: Commands, brand_id: str, rows: Rows) -> None:
    """What the controller holds of a brand comes to `then`; a misplaced event takes a second way."""

    def held_by_controller() -> dict[tuple[str | None, str], str]:
        shown = commands.json("brand", "show", brand_id)
        totals = {(None, "day"): shown["daily_spent"], (None, "month"): shown["monthly_spent"]}
        for campaign in shown["campaigns"]:
            totals[campaign["campaign_id"], "day"] = campaign["daily_spent"]
            totals[campaign["campaign_id"], "total"] = campaign["total_spent"]
        return totals

    wanted = {(row["campaign_id"], row["period"]): row["then"] for row in rows if row["then"]}
    assert wanted
    _wait_until(lambda: wanted.items() <= held_by_controller().items())


def _wait_until(true: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _topics(surroundings: Surroundings, prefix: str) -> list[str]:
    async def names() -> list[str]:
        async with admin_client(surroundings.settings) as admin:
            return [name for name in await admin.list_topics() if name.startswith(prefix)]

    return asyncio.run(names())
