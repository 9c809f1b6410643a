"""`simulate-spend`, and what follows from it, end to end."""

import json
import time

import pytest

from core.partitioner import partition_of
from tests.commands import Commands, start
from tests.streams.worker_process import WorkerProcess


def test_spend_over_the_budget_pauses_and_a_refund_resumes(commands: Commands, worker: WorkerProcess) -> None:
    brand_id = commands.brand("--daily-budget", "100")
    campaign_id = commands.campaign(brand_id)
    # Spend that is there before the first state is sent would make it a pause.
    assert commands.json("campaign", "show", campaign_id)["sequence"] == 1
    sent = commands.json("simulate-spend", campaign_id, "100.00", "--event-id", f"{brand_id}-e1")
    spent_at = time.monotonic()
    shown = commands.json("campaign", "show", campaign_id)
    assert time.monotonic() - spent_at < 1
    assert (shown["state"], shown["reasons"], shown["sequence"]) == ("paused", ["daily_budget"], 2)
    assert (shown["daily_spent"], shown["total_spent"]) == ("100.00", "100.00")
    assert shown["resumes_at"].endswith("T00:00:00Z")
    assert (sent["event_id"], sent["partition"]) == (f"{brand_id}-e1", partition_of(brand_id, 2))
    commands.done("simulate-spend", campaign_id, "-0.01")
    shown = commands.json("campaign", "show", campaign_id)
    assert (shown["state"], shown["daily_spent"], shown["sequence"]) == ("running", "99.99", 3)
    assert commands.json("brand", "show", brand_id)["daily_spent"] == "99.99"


def test_the_same_event_id_counts_once(commands: Commands, worker: WorkerProcess) -> None:
    campaign_id = commands.campaign(commands.brand())
    for _ in range(2):
        commands.done("simulate-spend", campaign_id, "0.0125", "--event-id", f"{campaign_id}-twice")
    assert commands.json("campaign", "show", campaign_id)["total_spent"] == "0.0125"


def test_late_spend_counts_in_total_and_not_today(commands: Commands, worker: WorkerProcess) -> None:
    campaign_id = commands.campaign(commands.brand())
    commands.done("simulate-spend", campaign_id, "5", "--occurred-at", "2020-01-01T00:00:00Z")
    shown = commands.json("campaign", "show", campaign_id)
    assert (shown["daily_spent"], shown["total_spent"]) == ("0.00", "5.00")


@pytest.mark.parametrize(
    ("arguments", "observed"),
    [
        (["0"], "zero"),
        (["0.0000001"], "6 fraction digits"),
        (["-0.0000001"], "6 fraction digits"),
        (["1000000000000"], "1,000,000,000"),
        (["1e2"], "not a decimal"),
        (["1", "--event-id", ""], "event_id"),
        (["1", "--event-id", "x" * 129], "event_id"),
        (["1", "--occurred-at", "yesterday"], "occurred_at"),
        (["1", "--occurred-at", "2025-09-08T09:00:00"], "RFC 3339 with an offset"),
        (["1", "--occurred-at", "2999-01-01T00:00:00Z"], "ahead of arrival"),
    ],
)
def test_what_the_controller_would_refuse_is_not_sent(commands: Commands, arguments: list[str], observed: str) -> None:
    campaign_id = commands.campaign(commands.brand())
    assert observed in commands.refused("simulate-spend", campaign_id, *arguments)


def test_spend_of_a_campaign_that_is_not_there_is_exit_3(commands: Commands) -> None:
    assert commands.run("simulate-spend", "nobody", "1").exit_code == 3


def test_the_executable_takes_a_negative_amount_and_prints_json_alone(commands: Commands) -> None:
    campaign_id = commands.campaign(commands.brand())
    process = start("simulate-spend", campaign_id, "-2.50", "--json")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert json.loads(out)["amount"] == "-2.50"
