"""`brand …` against a real broker, database and worker."""

import getpass

import pytest

from streams.core.moment import MINUTE, parse_moment
from tests.console.commands import Commands
from tests.streams.worker_process import WorkerProcess


def test_show_tells_right_after_add_what_the_controller_holds(commands: Commands, worker: WorkerProcess) -> None:
    brand_id = commands.brand("--time-zone", "Asia/Karachi", "--daily-budget", "100", "--name", "Nike")
    campaign_id = commands.campaign(brand_id)
    shown = commands.json("brand", "show", brand_id)
    assert (shown["brand_id"], shown["name"]) == (brand_id, "Nike")
    assert (shown["time_zone"], shown["currency"], shown["up_to_date"]) == ("Asia/Karachi", "USD", True)
    assert (shown["daily_spent"], shown["daily_budget"]) == ("0.00", "100.00")
    assert (shown["monthly_spent"], shown["monthly_budget"]) == ("0.00", None)
    assert shown["day"].startswith(shown["month"])
    assert [(it["campaign_id"], it["state"]) for it in shown["campaigns"]] == [(campaign_id, "running")]


def test_budgets_are_set_and_cleared_one_without_the_other(commands: Commands, worker: WorkerProcess) -> None:
    brand_id = commands.brand("--daily-budget", "100", "--monthly-budget", "2000")
    commands.done("brand", "set", brand_id, "--daily-budget", "none")
    shown = commands.json("brand", "show", brand_id)
    assert (shown["daily_budget"], shown["monthly_budget"]) == (None, "2000.00")


def test_pause_and_archive_of_a_brand_hold_all_its_campaigns(commands: Commands, worker: WorkerProcess) -> None:
    brand_id = commands.brand()
    commands.campaign(brand_id)
    commands.campaign(brand_id)
    commands.done("brand", "pause", brand_id)
    commands.done("brand", "archive", brand_id)
    shown = commands.json("brand", "show", brand_id)
    assert [it["reasons"] for it in shown["campaigns"]] == [["archived", "manual"]] * 2
    commands.done("brand", "resume", brand_id)
    commands.done("brand", "unarchive", brand_id)
    assert {it["state"] for it in commands.json("brand", "show", brand_id)["campaigns"]} == {"running"}


def test_a_time_zone_changes_at_a_whole_minute_a_minute_ahead_and_says_when(commands: Commands) -> None:
    brand_id = commands.brand("--time-zone", "Asia/Karachi")
    told = commands.done("brand", "set", brand_id, "--time-zone", "America/New_York", "--name", "moved")
    (changed_at,) = (
        parse_moment(it["changed_at"])
        for it in commands.json("brand", "history", brand_id)
        if "time_zone" in it["fields"]
        if it["fields"]["time_zone"]["from"]
    )
    starts_at = parse_moment(told.split()[-1])
    assert starts_at % MINUTE == 0
    assert changed_at + MINUTE - 2000 <= starts_at <= changed_at + 2 * MINUTE
    zones = [zone["time_zone"] for zone in commands.json("brand", "set", brand_id, "--name", "again")["zones"]]
    assert zones == ["Asia/Karachi", "America/New_York"]


def test_history_tells_who_changed_what_newest_first(commands: Commands) -> None:
    brand_id = commands.brand("--daily-budget", "100")
    commands.done("brand", "set", brand_id, "--daily-budget", "50.5")
    newest, oldest = commands.json("brand", "history", brand_id)
    assert newest["actor"] == "cli:tester"
    assert newest["fields"] == {"daily_budget": {"from": "100.00", "to": "50.50"}}
    assert oldest["fields"]["daily_budget"] == {"from": None, "to": "100.00"}
    assert "daily_budget: 100.00 -> 50.50" in commands.done("brand", "history", brand_id).splitlines()[0]


def test_without_a_given_name_the_system_user_stands_in_the_history(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPENDGATE_ACTOR")
    (added,) = commands.json("brand", "history", commands.brand())
    assert added["actor"] == f"cli:{getpass.getuser()}"


def test_list_finds_by_a_part_of_the_name(commands: Commands) -> None:
    brand_id = commands.brand("--name", "Very Special Shoes")
    assert [it["brand_id"] for it in commands.json("brand", "list", "--search", "special sh")] == [brand_id]
    assert brand_id in commands.done("brand", "list")


@pytest.mark.parametrize(
    "options",
    [
        ["--time-zone", "Mars/Base"],
        ["--currency", "XYZ"],
        ["--daily-budget", "-1"],
        ["--monthly-budget", "1.1234567"],
        ["--name", "two\nlines"],
    ],
)
def test_a_wrong_value_is_refused_and_leaves_no_brand(commands: Commands, options: list[str]) -> None:
    given = {"--time-zone": "UTC", "--currency": "USD"} | {options[0]: options[1]}
    commands.refused("brand", "add", "refused", *(word for pair in given.items() for word in pair))
    assert commands.run("brand", "show", "refused").exit_code == 3


def test_an_id_with_a_space_is_refused(commands: Commands) -> None:
    assert "no spaces" in commands.refused("brand", "add", "a b", "--time-zone", "UTC", "--currency", "USD")


def test_an_id_is_not_used_twice(commands: Commands) -> None:
    brand_id = commands.brand()
    assert "already there" in commands.refused("brand", "add", brand_id, "--time-zone", "UTC", "--currency", "USD")


def test_a_set_that_names_nothing_is_refused(commands: Commands) -> None:
    assert "Nothing to change" in commands.refused("brand", "set", commands.brand())


@pytest.mark.parametrize("command", ["show", "pause", "resume", "archive", "unarchive", "history"])
def test_a_brand_that_is_not_there_is_exit_3(commands: Commands, command: str) -> None:
    ran = commands.run("brand", command, "nobody")
    assert (ran.exit_code, ran.out) == (3, "")
    assert ran.err == "There is no brand nobody.\n"
