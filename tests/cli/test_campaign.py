"""`campaign …` against a real broker, database and worker."""

import json

import pytest

from tests.commands import Commands
from tests.streams.worker_process import WorkerProcess


def test_show_right_after_add_tells_every_field_of_the_page_that_was_agreed(
    commands: Commands, worker: WorkerProcess
) -> None:
    campaign_id = commands.campaign(commands.brand(), "--daily-budget", "20", "--total-budget", "300")
    shown = commands.json("campaign", "show", campaign_id)
    agreed = {
        "campaign_id": campaign_id,
        "brand_id": campaign_id.split(".")[0],
        "state": "running",
        "reasons": [],
        "sequence": 1,
        "resumes_at": None,
        "daily_spent": "0.00",
        "daily_budget": "20.00",
        "total_spent": "0.00",
        "total_budget": "300.00",
    }
    assert {name: shown[name] for name in agreed} == agreed
    assert "state      running" in commands.done("campaign", "show", campaign_id)


def test_the_list_has_the_currency_of_each_budget_and_searches_as_the_console_does(commands: Commands) -> None:
    rupees, dollars = commands.brand("--currency", "PKR"), commands.brand()
    found = [commands.campaign(it, "--daily-budget", "5", "--name", f"Straße {rupees}") for it in (rupees, dollars)]
    listed = commands.json("campaign", "list", "--search", f"STRASSE {rupees}")
    assert {it["campaign_id"]: it["currency"] for it in listed} == dict(zip(found, ("PKR", "USD"), strict=True))
    assert "PKR" in commands.done("campaign", "list", "--search", f"STRASSE {rupees}")


def test_windows_are_replaced_as_a_whole_and_cleared_by_none(commands: Commands, worker: WorkerProcess) -> None:
    campaign_id = commands.campaign(
        commands.brand(), "--window", "mon-fri 09:00-17:00", "--window", "sat 22:00-02:00", "--starts-on", "2020-01-01"
    )
    assert [it["from"] for it in commands.json("campaign", "show", campaign_id)["windows"]] == ["09:00", "22:00"]
    commands.done("campaign", "set", campaign_id, "--window", "daily 00:00-24:00")
    whole_day = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00"}
    assert commands.json("campaign", "show", campaign_id)["windows"] == [whole_day]
    commands.done("campaign", "set", campaign_id, "--window", "none", "--starts-on", "none")
    shown = commands.json("campaign", "show", campaign_id)
    assert (shown["windows"], shown["starts_on"], shown["state"]) == ([], None, "running")


def test_a_flight_that_is_over_pauses_and_time_will_not_help(commands: Commands, worker: WorkerProcess) -> None:
    campaign_id = commands.campaign(commands.brand(), "--starts-on", "2020-01-01", "--ends-on", "2020-01-02")
    shown = commands.json("campaign", "show", campaign_id)
    assert (shown["state"], shown["reasons"], shown["resumes_at"]) == ("paused", ["flight"], None)
    commands.done("campaign", "pause", campaign_id)
    assert "its flight is over and an operator paused it" in commands.done("campaign", "show", campaign_id)


def test_a_flight_to_come_tells_when_it_will_run(commands: Commands, worker: WorkerProcess) -> None:
    brand_id = commands.brand("--time-zone", "America/New_York")
    campaign_id = commands.campaign(brand_id, "--starts-on", "2040-07-01", "--window", "daily 06:00-07:00")
    assert commands.json("campaign", "show", campaign_id)["resumes_at"] == "2040-07-01T10:00:00Z"
    commands.done("campaign", "pause", campaign_id)
    assert "its flight has not begun and" in commands.done("campaign", "show", campaign_id)


def test_what_is_added_paused_runs_when_the_operator_says_so(commands: Commands, worker: WorkerProcess) -> None:
    campaign_id = commands.campaign(commands.brand(), "--paused")
    assert commands.json("campaign", "show", campaign_id)["reasons"] == ["manual"]
    commands.done("campaign", "archive", campaign_id)
    commands.done("campaign", "resume", campaign_id)
    assert commands.json("campaign", "show", campaign_id)["reasons"] == ["archived"]
    commands.done("campaign", "unarchive", campaign_id)
    shown = commands.json("campaign", "show", campaign_id)
    assert (shown["state"], shown["sequence"]) == ("running", 2)


def test_list_tells_the_campaigns_of_one_brand(commands: Commands) -> None:
    brand_id = commands.brand()
    campaign_id = commands.campaign(brand_id, "--external-id", "ext-1", "--window", "mon 09:00-10:00")
    commands.campaign(commands.brand())
    (listed,) = commands.json("campaign", "list", "--brand", brand_id)
    assert (listed["campaign_id"], listed["external_id"]) == (campaign_id, "ext-1")
    assert "mon 09:00-10:00" in commands.done("campaign", "list", "--brand", brand_id)


def test_history_tells_windows_from_and_to(commands: Commands) -> None:
    campaign_id = commands.campaign(commands.brand(), "--window", "mon 09:00-10:00")
    commands.done("campaign", "set", campaign_id, "--window", "tue 09:00-10:00")
    newest = commands.json("campaign", "history", campaign_id)[0]
    assert newest["fields"]["windows"]["from"] == [{"days": ["mon"], "from": "09:00", "to": "10:00"}]
    assert "windows: mon 09:00-10:00 -> tue 09:00-10:00" in commands.done("campaign", "history", campaign_id)


@pytest.mark.parametrize(
    ("option", "value", "observed"),
    [
        ("--daily-budget", "-0.01", "cannot be negative"),
        ("--total-budget", "a lot", "not a decimal"),
        ("--window", "mon-fri 09:00-09:00", "00:00-24:00"),
        ("--window", "mon-fri 9-17", "is not a"),
        ("--starts-on", "tomorrow", "such as 2025-09-08"),
    ],
)
def test_a_wrong_value_is_refused_by_add_and_by_set(commands: Commands, option: str, value: str, observed: str) -> None:
    brand_id = commands.brand()
    assert observed in commands.refused("campaign", "add", f"{brand_id}.c", "--brand", brand_id, option, value)
    campaign_id = commands.campaign(brand_id)
    assert observed in commands.refused("campaign", "set", campaign_id, option, value)
    assert [it["campaign_id"] for it in commands.json("campaign", "list", "--brand", brand_id)] == [campaign_id]


def test_a_flight_that_ends_before_it_starts_is_refused_also_by_one_end(commands: Commands) -> None:
    campaign_id = commands.campaign(commands.brand(), "--starts-on", "2025-10-05")
    commands.refused("campaign", "set", campaign_id, "--ends-on", "2025-10-04")
    assert commands.json("campaign", "list", "--search", campaign_id)[0]["ends_on"] is None


def test_a_campaign_of_a_brand_that_is_not_there_is_exit_3(commands: Commands) -> None:
    result = commands.run("campaign", "add", "orphan", "--brand", "nobody")
    assert (result.exit_code, result.out, result.err) == (3, "", "There is no brand nobody.\n")


@pytest.mark.parametrize("command", ["show", "pause", "resume", "archive", "unarchive", "history"])
def test_a_campaign_that_is_not_there_is_exit_3(commands: Commands, command: str) -> None:
    result = commands.run("campaign", command, "nobody")
    assert (result.exit_code, result.out, result.err) == (3, "", "There is no campaign nobody.\n")


def test_what_the_controller_does_not_hold_yet_is_unknown_and_says_why(
    commands: Commands, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPENDGATE_TOPIC_PREFIX", topic_prefix)  # topics without a worker
    commands.done("topics", "create")
    campaign_id = commands.campaign(commands.brand("--daily-budget", "5"), "--daily-budget", "1")
    result = commands.run("campaign", "show", campaign_id, "--json")
    shown = json.loads(result.out)
    assert (shown["state"], shown["sequence"], shown["daily_spent"]) == ("unknown", 0, None)
    assert shown["daily_budget"] == "1.00"
    assert "spendgate worker" in result.err
    brand = json.loads(commands.done("brand", "show", shown["brand_id"], "--json"))
    assert (brand["state"], brand["daily_budget"], brand["daily_spent"]) == ("unknown", "5.00", None)
    assert [it["state"] for it in brand["campaigns"]] == ["unknown"]
