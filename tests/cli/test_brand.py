"""`brand …` against a real broker, database and worker."""

import asyncio
import getpass

import pytest

from core.moment import MINUTE, parse_moment
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.commands import Commands
from tests.streams.topic_changes import limit
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


def test_alert_fields_are_set_and_shown_as_the_controller_holds_them(commands: Commands, worker: WorkerProcess) -> None:
    brand_id = commands.brand("--alert-percents", "100,50", "--silent-after", "3h")
    shown = commands.json("brand", "show", brand_id)
    assert (shown["alert_percents"], shown["silent_after_minutes"], shown["up_to_date"]) == ([50, 100], 180, True)
    assert "50 %, 100 %, silent after 3h" in commands.done("brand", "show", brand_id)
    commands.done("brand", "set", brand_id, "--alert-percents", "default", "--silent-after", "none")
    shown = commands.json("brand", "show", brand_id)
    assert (shown["alert_percents"], shown["silent_after_minutes"]) == ([80, 100], None)
    newest = commands.done("brand", "history", brand_id).splitlines()[0]
    assert "alert_percents: 50, 100 -> none; silent_after_minutes: 180 -> none" in newest


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
    observed = commands.done("brand", "set", brand_id, "--time-zone", "America/New_York", "--name", "moved")
    (changed_at,) = (
        parse_moment(it["changed_at"])
        for it in commands.json("brand", "history", brand_id)
        if "time_zone" in it["fields"]
        if it["fields"]["time_zone"]["from"]
    )
    starts_at = parse_moment(observed.split()[-1])
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
    result = commands.run("brand", command, "nobody")
    assert (result.exit_code, result.out) == (3, "")
    assert result.err == "There is no brand nobody.\n"


def test_a_document_that_the_topic_refuses_fails_no_edit_of_another_brand(commands: Commands) -> None:
    large, other = commands.brand(), commands.brand()
    asyncio.run(limit(Settings(), Topic.CATALOG, 1_500))
    windows = [word for minute in range(0, 60, 2) for word in _every_hour(minute)]
    result = commands.run("campaign", "add", f"{large}.large", "--brand", large, *windows)
    assert f"The document of {large}/{large}.large, and no other, is not published" in result.err
    commands.done("brand", "set", other, "--daily-budget", "5")
    again = commands.run("campaign", "set", f"{large}.large", "--name", "the same")
    assert "is not published" in again.err
    asyncio.run(limit(Settings(), Topic.CATALOG, 1_000_000))
    commands.done("campaign", "resume", f"{large}.large")


def _every_hour(minute: int) -> list[str]:
    times = (f"mon {hour:02}:{minute:02}-{hour:02}:{minute + 1:02}" for hour in range(15))
    return [word for time in times for word in ("--window", time)]


def test_a_budget_for_today_resumes_and_the_pace_of_a_month_is_shown_with_its_arithmetic(
    commands: Commands, worker: WorkerProcess
) -> None:
    brand_id = commands.brand("--daily-budget", "0", "--monthly-budget", "3000", "--pacing", "even")
    campaign_id = commands.campaign(brand_id)
    assert commands.json("campaign", "show", campaign_id)["reasons"] == ["daily_budget"]
    commands.done(
        "brand", "set", brand_id, "--budget-today", "500", "--override", "2031-11-01..2031-11-30 monthly=none"
    )
    shown = commands.json("brand", "show", brand_id)
    assert shown["daily_budget"] == "500.00"
    today = {"from": shown["day"], "to": shown["day"], "daily_budget": "500.00"}
    assert shown["budget_overrides"] == [today, {"from": "2031-11-01", "to": "2031-11-30", "monthly_budget": None}]
    assert commands.json("campaign", "show", campaign_id)["state"] == "running"
    text = commands.done("brand", "show", brand_id)
    assert "may be spent today: (3000.00 - 0.00) * 2" in text
    assert f"override   {shown['day']} daily=500.00" in text
    assert "2031-11-01..2031-11-30 monthly=none" in text
    assert "daily=500.00 (of the brand)" in commands.done("schedule", "preview", campaign_id)
    commands.done("brand", "set", brand_id, "--remove-override", "all", "--pacing", "none")
    shown = commands.json("brand", "show", brand_id)
    assert (shown["daily_budget"], shown["budget_overrides"], shown["daily_allowance"]) == ("0.00", [], None)
    history = commands.done("brand", "history", brand_id)
    assert f"budget_overrides: none -> {shown['day']} daily=500.00, 2031-11-01..2031-11-30 monthly=none" in history
    commands.done("campaign", "set", campaign_id, "--override", "2031-11-01..2031-11-02 daily=5", "--budget-today", "7")
    assert commands.json("campaign", "show", campaign_id)["daily_budget"] == "7.00"
    commands.refused("campaign", "set", campaign_id, "--override", "2031-11-01..2031-11-30 monthly=5")
    commands.refused("brand", "set", brand_id, "--pacing", "even", "--monthly-budget", "none")
