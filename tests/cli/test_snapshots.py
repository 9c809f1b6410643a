"""`snapshots import` end to end: the total of a campaign becomes that of the file."""

import json
import time
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from tests.commands import Commands
from tests.streams.worker_process import WorkerProcess

TODAY = datetime.now(UTC).date().isoformat()
_numbers = count(1)


def new_external_id() -> str:
    return f"23{time.time_ns()}{next(_numbers)}"


def until_total(commands: Commands, campaign_id: str, expected: str) -> None:
    deadline = time.monotonic() + 30
    while commands.json("campaign", "show", campaign_id)["total_spent"] != expected:
        assert time.monotonic() < deadline


def test_the_campaigns_total_becomes_the_files(commands: Commands, worker: WorkerProcess, tmp_path: Path) -> None:
    external_id = new_external_id()
    campaign_id = commands.campaign(commands.brand(), "--external-id", external_id)
    file = tmp_path / "google.csv"

    def report(cost: str) -> None:
        lines = [
            "Campaign report",
            '"November 1, 2026 - November 25, 2026"',
            "Campaign ID,Campaign,Day,Currency code,Cost",
            f'{external_id},Summer,{TODAY},USD,"{cost}"',
            f'99,Nobody\'s,{TODAY},USD,"1.00"',
            f'Total: Account, --, --,USD,"{cost}"',
        ]
        file.write_text("\n".join(lines), encoding="utf-16")

    report("1,234.56")
    dry = commands.run("snapshots", "import", str(file), "--dry-run")
    assert (dry.exit_code, dry.out) == (1, "1 totals would be published, 1 lines refused, 1 skipped\n")
    for cost, total in (("1,234.56", "1234.56"), ("1,234.56", "1234.56"), ("1,200.06", "1200.06")):
        report(cost)
        result = commands.run("snapshots", "import", str(file), "--json")
        *lines, summary = [json.loads(line) for line in result.out.splitlines()]
        assert result.exit_code == 1
        assert (summary["published"], summary["refused"], summary["skipped"]) == (1, 1, 1)
        assert [(it["line"], it.get("reason")) for it in lines] == [(5, "unknown_external_id"), (6, None)]
        assert "Google Ads report, its columns named in line 3" in result.err
        until_total(commands, campaign_id, total)


def test_totals_as_of_an_earlier_moment_change_nothing(
    commands: Commands, worker: WorkerProcess, tmp_path: Path
) -> None:
    brand_id = commands.brand()
    campaign_id = commands.campaign(brand_id)
    file = tmp_path / "totals.csv"

    def totals(cost: str, *options: str) -> None:
        file.write_text(f"source;brand_id;campaign_id;day;cost\nshop;{brand_id};{campaign_id};{TODAY};{cost}\n")
        commands.done("snapshots", "import", str(file), *options)

    totals("5")
    until_total(commands, campaign_id, "5.00")
    totals("9", "--as-of", f"{TODAY}T00:00:00Z")
    totals("6", "--source", "ignored-where-a-line-names-its-own")
    until_total(commands, campaign_id, "6.00")


def test_a_file_of_another_time_zones_days_is_refused(commands: Commands, tmp_path: Path) -> None:
    brand_id = commands.brand()
    file = tmp_path / "totals.jsonl"
    line = {"source": "shop", "brand_id": brand_id, "campaign_id": commands.campaign(brand_id), "cost": 5}
    file.write_text(json.dumps(line))
    result = commands.run("snapshots", "import", str(file), "--day", TODAY, "--time-zone", "Asia/Karachi")
    assert result.exit_code == 1
    assert "line 1: day: " in result.err
    commands.done("snapshots", "import", str(file), "--day", TODAY, "--time-zone", "Etc/UTC")


def test_what_is_not_there_is_refused_in_a_sentence(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "spend.csv"
    file.write_text("event_id,brand_id,amount\n")
    assert "names columns that are known" in commands.refused("snapshots", "import", str(file))
    assert "decimal" in commands.refused("snapshots", "import", str(file), "--decimal", "dot")
    assert "moment" in commands.refused("snapshots", "import", str(file), "--as-of", "yesterday")
    assert commands.run("snapshots", "import", str(tmp_path / "nothing.csv")).exit_code != 0
