"""`spendgate catalog`, as an operator types it."""

import csv
import io
import json
from pathlib import Path

import pytest

from cli.catalog_editing import field_changes_text
from tests.commands import Commands
from tests.streams.worker_process import WorkerProcess

Row = dict[str, str]


class File:
    """What `catalog export` prints of one brand, to be edited."""

    def __init__(self, commands: Commands, brand_id: str, path: Path) -> None:
        self.path = path
        self.rows: list[Row] = list(
            csv.DictReader(io.StringIO(commands.done("catalog", "export", "--brand", brand_id)))
        )

    def row(self, an_id: str) -> Row:
        return next(row for row in self.rows if (row["campaign_id"] or row["brand_id"]) == an_id)

    def write(self) -> str:
        with self.path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)
        return str(self.path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.csv"


@pytest.mark.parametrize("percents", ["", "none", "80", "50,100"])
def test_what_was_exported_changes_nothing(commands: Commands, path: Path, percents: str) -> None:
    brand_id = commands.brand("--name", '=1+1 "quoted", Ünïcode 日本', "--daily-budget", "0.0125")
    commands.campaign(
        brand_id, "--window", "mon-fri 09:00-17:00", "--window", "sat 22:00-02:00", "--ends-on", "2030-01-31"
    )
    if percents:
        commands.done("brand", "set", brand_id, "--alert-percents", percents, "--silent-after", "3h")
    for file_format in ("csv", "yaml"):
        file = path.with_suffix(f".{file_format}")
        file.write_text(commands.done("catalog", "export", "--format", file_format, "--brand", brand_id))
        planned = commands.json("catalog", "plan", str(file))
        assert (planned["differences"], planned["unchanged"]) == ([], 2)
        assert planned["left_alone"]["brands"] >= 0


def test_a_plan_is_exit_1_and_changes_nothing_and_apply_does_it(commands: Commands, path: Path) -> None:
    brand_id = commands.brand("--daily-budget", "100")
    campaign_id = commands.campaign(brand_id)
    file = File(commands, brand_id, path)
    file.row(brand_id).update(daily_budget="50.5", alert_percents="50; 90", silent_after_minutes="60")
    file.row(campaign_id).update(windows="mon-fri 09:00-17:00; sat 10:00-12:00", name="new name", total_budget="7")
    file.rows.append({"brand_id": brand_id, "campaign_id": f"{brand_id}.added", "enabled": "no"})
    name = file.write()

    result = commands.run("catalog", "plan", name)
    assert result.exit_code == 1
    assert "daily_budget: 100.00 -> 50.50 USD" in result.out
    assert "left alone" in result.out
    assert commands.json("catalog", "export", "--brand", brand_id)["rows"][0]["daily_budget"] == "100.00"

    assert "give --yes" in commands.refused("catalog", "apply", name)
    assert commands.done("catalog", "apply", name, "--yes") == "3 rows applied\n"
    assert commands.run("catalog", "plan", name).exit_code == 0
    changed, *_ = commands.json("campaign", "history", campaign_id)
    assert changed["actor"] == "cli:tester"
    assert {field: it["to"] for field, it in changed["fields"].items()} == {
        "name": "new name",
        "total_budget": "7.00",
        "windows": [
            {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"},
            {"days": ["sat"], "from": "10:00", "to": "12:00"},
        ],
    }
    brand = commands.json("catalog", "export", "--brand", brand_id)["rows"][0]
    assert (brand["alert_percents"], brand["silent_after_minutes"]) == (["50", "90"], "60")
    assert len(commands.json("brand", "history", brand_id)) == 2 + 3


def test_a_row_that_was_edited_since_is_refused_and_nothing_is_applied(commands: Commands, path: Path) -> None:
    brand_id = commands.brand("--daily-budget", "100")
    campaign_id = commands.campaign(brand_id)
    file = File(commands, brand_id, path)
    commands.done("campaign", "set", campaign_id, "--daily-budget", "3")
    file.row(brand_id)["daily_budget"] = "50"
    file.row(campaign_id)["daily_budget"] = "9"
    result = commands.run("catalog", "apply", file.write(), "--yes")
    assert (result.exit_code, result.out) == (4, "")
    assert f"line 3: campaign {campaign_id}: it was edited since the export" in result.err
    assert "1 row is wrong, so nothing was changed" in result.err
    brand, campaign = commands.json("catalog", "export", "--brand", brand_id)["rows"]
    assert (brand["daily_budget"], campaign["daily_budget"]) == ("100.00", "3.00")


def test_every_wrong_row_is_listed_and_nothing_is_applied(commands: Commands, path: Path) -> None:
    brand_id = commands.brand("--daily-budget", "100")
    file = File(commands, brand_id, path)
    file.row(brand_id)["daily_budget"] = "50"
    file.rows += [
        {"brand_id": brand_id, "campaign_id": f"{brand_id}.a", "daily_budget": "1,000.00"},
        {"brand_id": "nobody", "campaign_id": f"{brand_id}.b"},
        {"brand_id": brand_id, "campaign_id": f"{brand_id}.c", "starts_on": "2026-02-01", "ends_on": "2026-01-01"},
        {"brand_id": "new"},
    ]
    name = file.write()
    for command in (["plan"], ["apply", "--yes"]):
        result = commands.run("catalog", *command, name)
        assert result.exit_code == 4
        assert [line.split(":")[0] for line in result.err.splitlines()[:-1]] == [
            "line 3",
            "line 4",
            "line 5",
            "line 6",
            "line 6",
        ]
    listed = json.loads(commands.run("catalog", "plan", name, "--json").out)["wrong_rows"]
    assert [row["line"] for row in listed] == [3, 4, 5, 6, 6]
    assert commands.json("catalog", "export", "--brand", brand_id)["rows"][0]["daily_budget"] == "100.00"


def test_a_plan_names_what_the_worker_then_pauses_and_resumes(
    commands: Commands, worker: WorkerProcess, path: Path
) -> None:
    brand_id = commands.brand()
    spent, held, resumed, moved = (commands.campaign(brand_id) for _ in range(4))
    for campaign_id, amount in ((spent, "5"), (held, "1"), (moved, "2")):
        commands.done("simulate-spend", campaign_id, amount)
    commands.done("campaign", "pause", resumed)
    commands.done("brand", "show", brand_id)
    before = _states_of(commands, brand_id)
    file = File(commands, brand_id, path)
    file.row(brand_id)["daily_budget"] = "20"
    file.row(spent)["daily_budget"] = "4"
    file.row(held)["total_budget"] = "1.01"
    file.row(resumed)["enabled"] = "yes"
    file.row(moved)["ends_on"] = "2020-01-01"
    added = f"{brand_id}.added"
    file.rows.append({"brand_id": brand_id, "campaign_id": added})
    name = file.write()
    planned = commands.run("catalog", "plan", name, "--json")
    assert planned.exit_code == 1
    plan = json.loads(planned.out)
    assert {it["campaign_id"]: it["reasons"] for it in plan["pauses"]} == {
        spent: ["campaign_daily_budget"],
        moved: ["flight"],
    }
    assert {it["campaign_id"]: it["reasons"] for it in plan["resumes"]} == {added: [], resumed: ["manual"]}
    assert plan["unknown_brands"] == []

    commands.done("catalog", "apply", name, "--yes")
    after = _states_of(commands, brand_id)
    changed = {campaign_id: state for campaign_id, state in after.items() if before.get(campaign_id) != state}
    assert changed == {
        **{it["campaign_id"]: "paused" for it in plan["pauses"]},
        **{it["campaign_id"]: "running" for it in plan["resumes"]},
    }


def _states_of(commands: Commands, brand_id: str) -> dict[str, str]:
    shown = commands.json("brand", "show", brand_id)
    assert shown["up_to_date"]
    return {it["campaign_id"]: it["state"] for it in shown["campaigns"]}


def test_on_a_terminal_the_plan_is_shown_and_only_yes_applies_it(
    commands: Commands, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand_id = commands.brand("--daily-budget", "100")
    file = File(commands, brand_id, path)
    file.row(brand_id)["daily_budget"] = "50"
    name = file.write()
    monkeypatch.setattr("sys.stdin", Terminal("perhaps\n"))
    result = commands.run("catalog", "apply", name)
    assert (result.exit_code, result.out) == (1, "")
    assert "daily_budget: 100.00 -> 50.00" in result.err
    assert commands.json("catalog", "export", "--brand", brand_id)["rows"][0]["daily_budget"] == "100.00"
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    assert commands.done("catalog", "apply", name) == "1 row applied\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("kind", ["brand", "campaign"])
def test_a_dangerous_budget_is_asked_about_at_a_terminal_and_not_with_yes(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    id_ = brand_id = commands.brand("--daily-budget", "100")
    if kind == "campaign":
        id_ = commands.campaign(brand_id, "--daily-budget", "100")

    def daily() -> str:
        rows = commands.json("catalog", "export", "--brand", brand_id)["rows"]
        return next(str(it["daily_budget"]) for it in rows if it["kind"] == kind)

    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    refused = commands.run(kind, "set", id_, "--daily-budget", "301")
    assert (refused.exit_code, refused.out) == (1, "")
    assert "301.00 is more than 3 times 100.00" in refused.err
    assert daily() == "100.00"
    monkeypatch.setattr("sys.stdin", Terminal(""))
    commands.done(kind, "set", id_, "--daily-budget", "200")
    commands.done(kind, "set", id_, "--daily-budget", "900", "--yes")
    assert daily() == "900.00"
    monkeypatch.setattr("sys.stdin", io.StringIO())
    commands.done(kind, "set", id_, "--daily-budget", "none")
    assert daily() == "None", "a script is not asked"


def test_a_new_brand_and_a_file_are_asked_about_dangerous_budgets(
    commands: Commands, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = ("brand", "add", "dangerous", "--currency", "USD", "--daily-budget", "900", "--monthly-budget", "100")
    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    refused = commands.run(*new)
    assert (refused.exit_code, refused.out) == (1, "")
    assert "daily budget of 900.00 is above the monthly budget of 100.00" in refused.err
    commands.done(*new, "--yes")

    brand_id = commands.brand("--daily-budget", "100")
    file = File(commands, brand_id, path)
    file.row(brand_id)["daily_budget"] = "301"
    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    refused = commands.run("catalog", "apply", file.write())
    assert (refused.exit_code, refused.out) == (1, "")
    assert f"{brand_id}: The daily budget of 301.00 USD is more than 3 times 100.00 USD" in refused.err


def test_a_plan_says_which_end_of_a_flight_pauses(commands: Commands, path: Path, worker: WorkerProcess) -> None:
    brand_id = commands.brand()
    ahead, over = commands.campaign(brand_id), commands.campaign(brand_id)
    file = File(commands, brand_id, path)
    file.row(ahead).update(starts_on="2040-03-01")
    file.row(over).update(ends_on="2020-03-01")
    plan = commands.run("catalog", "plan", file.write()).out
    assert f"would pause {ahead}, because of: its flight has not begun\n" in plan
    assert f"would pause {over}, because of: its flight is over\n" in plan


def test_a_currency_stands_behind_amounts_alone() -> None:
    black_friday = {"from": "2026-11-27", "to": "2026-11-30", "daily_budget": "500.00"}
    changes = {
        "name": {"from": "a", "to": "b"},
        "daily_budget": {"from": "100.00", "to": None},
        "total_budget": {"from": None, "to": "7.00"},
        "budget_overrides": {"from": [], "to": [black_friday]},
    }
    assert field_changes_text(changes, "USD").split("; ") == [
        "name: a -> b",
        "daily_budget: 100.00 -> none",
        "total_budget: 7.00 USD",
        "budget_overrides: none -> 2026-11-27..2026-11-30 daily=500.00 USD",
    ]
    assert field_changes_text({"budget_overrides": {"from": [black_friday], "to": []}}, "USD").endswith("-> none")


def test_all_campaigns_that_match_are_changed_or_none(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    brand_id = commands.brand()
    first, second = (commands.campaign(brand_id, "--daily-budget", budget) for budget in ("100", "200"))
    unlimited = commands.campaign(brand_id)
    of_brand = ("campaign", "set-matching", "--brand", brand_id)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert "--yes" in commands.refused(*of_brand, "--state", "pause")
    assert "No campaign fits" in commands.refused(*of_brand, "--search", "nobody", "--state", "pause", "--yes")
    for empty in ("", " "):
        assert "--search is empty" in commands.refused(*of_brand, "--search", empty, "--state", "pause", "--yes")
    assert "Nothing would change" in commands.refused(*of_brand, "--yes")
    assert commands.done(*of_brand, "--daily-budget", "+10 %", "--state", "pause", "--yes") == "3 rows applied\n"
    found = {it["campaign_id"]: it for it in commands.json("campaign", "list", "--brand", brand_id)}
    assert [found[it]["daily_budget"] for it in (first, second)] == ["110.00", "220.00"]
    assert (found[unlimited]["daily_budget"], found[unlimited]["enabled"]) == (None, False)
    commands.done(*of_brand, "--search", unlimited, "--state", "archive", "--note", "over", "--yes")
    assert [it["archived"] for it in commands.json("campaign", "list", "--brand", brand_id)] == [False, False, True]
