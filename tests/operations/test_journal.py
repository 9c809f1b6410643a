"""The readable side of the system of record, with a real worker and a real ledger: journal, disputes, resend, spend."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import RefusedValue
from streams.kafka.reader import topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.commands import Commands
from tests.installation import Surroundings
from tests.ledger.ledger_process import LedgerProcess
from tests.streams.worker_process import WorkerProcess

PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def ledger(surroundings: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    process = LedgerProcess(surroundings.settings, tmp_path_factory.mktemp("ledger") / "ledger.log")
    yield
    process.terminate()


def test_a_dispute_is_settled_from_journal_and_ledger(commands: Commands, worker: WorkerProcess, ledger: None) -> None:
    brand_id = commands.brand("--daily-budget", "100")
    campaign_id = commands.campaign(brand_id)
    commands.done("simulate-spend", campaign_id, "60.25", "--event-id", f"{brand_id}-e1")
    sent = commands.json("simulate-spend", campaign_id, "41.50", "--event-id", f"{brand_id}-e2")
    commands.done("brand", "set", brand_id, "--daily-budget", "200")
    listed = _until(lambda: commands.json("control", "list", "--campaign", campaign_id), 3)
    assert [(it["sequence"], it["action"], it["follows_a_gap"]) for it in listed] == [
        (3, "resume", False),
        (2, "pause", False),
        (1, "resume", False),
    ]
    _until(lambda: commands.json("spend", "list", "--brand", brand_id), 2)

    pause = commands.json("control", "show", f"{campaign_id}:1:2")
    assert pause["spend"]["event_id"] == f"{brand_id}-e2"
    assert (pause["spend"]["partition"], pause["spend"]["offset"]) == (sent["partition"], sent["offset"])
    sums = {"brand_day": "101.75", "brand_month": "101.75", "campaign_day": "101.75", "campaign_total": "101.75"}
    derived = pause["rederived"]
    assert (derived["agrees"], derived["told"], derived["ledger"]) == (True, sums, sums)
    assert derived["up_to_offset"] == sent["offset"]
    assert pause["changes"]["brand"]["fields"]["daily_budget"] == {"from": None, "to": "100.00"}

    resume = commands.json("control", "show", f"{campaign_id}:1:3")
    assert (resume["rederived"]["agrees"], resume["message"]["cause"]["kind"]) == (True, "catalog")
    assert resume["changes"]["brand"]["fields"]["daily_budget"] == {"from": "100.00", "to": "200.00"}
    text = commands.done("control", "show", f"{campaign_id}:1:2")
    assert "are the totals of the message" in text
    assert f"{brand_id}-e2 of 41.50 USD" in text


def test_totals_that_the_ledger_does_not_have_are_said_to_differ(
    commands: Commands, worker: WorkerProcess, ledger: None, surroundings: Surroundings
) -> None:
    """A row that the controller never counted stands for a defect of either side."""
    from models.session import session_scope
    from models.tables.spend_log import SpendLog

    campaign_id = commands.campaign(commands.brand("--daily-budget", "1"))
    commands.done("simulate-spend", campaign_id, "1", "--event-id", f"{campaign_id}-e1")
    [row] = _until(lambda: commands.json("spend", "list", "--campaign", campaign_id), 1)
    _until(lambda: commands.json("control", "list", "--campaign", campaign_id), 2)
    with session_scope(surroundings.settings.database) as session:
        first = session.get_one(SpendLog, (row["brand_id"], row["event_id"]))
        names = ("brand_id", "campaign_id", "amount", "currency", "occurred_at", "booked_day", "booked_month")
        extra = {name: getattr(first, name) for name in (*names, "arrived_at", "incarnation", "partition")}
        session.add(SpendLog(**extra, event_id="extra", record_offset=first.record_offset - 1))
    shown = commands.json("control", "show", f"{campaign_id}:1:2")["rederived"]
    assert (shown["agrees"], shown["ledger"]["campaign_total"]) == (False, "2.00")
    assert "spendgate reconcile" in shown["sentence"]


def test_the_last_command_is_told_again_byte_for_byte_where_it_was(
    commands: Commands, worker: WorkerProcess, ledger: None
) -> None:
    campaign_id = commands.campaign(commands.brand(), "--paused")
    [row] = _until(lambda: commands.json("control", "list", "--campaign", campaign_id), 1)
    assert commands.json("control", "resend", campaign_id, "--dry-run")["offset"] is None
    sent = commands.json("control", "resend", campaign_id)
    assert (sent["command_id"], sent["partition"]) == (row["command_id"], row["partition"])
    assert sent["offset"] > row["offset"]
    observed = _values(Topic.CAMPAIGN_CONTROL)
    mine = [value for value in observed if json.loads(value)["campaign_id"] == campaign_id]
    assert (len(mine), mine[0]) == (2, mine[1])


def test_a_command_is_not_told_again_while_the_topic_holds_a_newer_one(
    commands: Commands, worker: WorkerProcess, ledger: None, surroundings: Surroundings
) -> None:
    """An older row stands for a journal that is behind."""
    from models.queries.commands import get_command
    from models.session import session_scope
    from operations.resend import resend

    campaign_id = commands.campaign(commands.brand(), "--paused")
    commands.done("campaign", "resume", campaign_id)
    _until(lambda: commands.json("control", "list", "--campaign", campaign_id), 2)
    with session_scope(surroundings.settings.database) as session:
        behind = get_command(session, f"{campaign_id}:1:1")
    for dry_run in (True, False):
        with pytest.raises(RefusedValue, match=r"newer command .*sequence 2.*spendgate ledger"):
            asyncio.run(resend(surroundings.settings, behind, dry_run=dry_run))
    observed = [json.loads(value) for value in _values(Topic.CAMPAIGN_CONTROL)]
    assert [it["sequence"] for it in observed if it["campaign_id"] == campaign_id] == [1, 2]


def test_why_tells_every_reason_and_the_cause(commands: Commands, worker: WorkerProcess, ledger: None) -> None:
    campaign_id = commands.campaign(commands.brand("--daily-budget", "1"))
    commands.done("simulate-spend", campaign_id, "1.5", "--event-id", f"{campaign_id}-e1")
    _until(lambda: commands.json("control", "list", "--campaign", campaign_id), 2)
    observed = commands.json("campaign", "why", campaign_id)
    assert ([one["reason"] for one in observed["because"]], observed["cause"]["event_id"]) == (
        ["daily_budget"],
        f"{campaign_id}-e1",
    )
    assert "above 1.50" in commands.done("campaign", "why", campaign_id)


def test_a_file_is_published_and_its_bad_lines_are_told(
    commands: Commands, worker: WorkerProcess, tmp_path: Path
) -> None:
    brand_id = commands.brand()
    campaign_id = commands.campaign(brand_id)
    file = tmp_path / "spend.csv"
    rows = [f"{brand_id}-1,{brand_id},{campaign_id},0.5,", f"{brand_id}-2,{brand_id},{campaign_id},x,"]
    rows += [f"{brand_id}-3,{brand_id},{campaign_id},1,EUR", "short", f"{brand_id}-4,{brand_id},{campaign_id},2,usd"]
    rows += [f'"{brand_id}-5",{brand_id},{campaign_id},"2.25",USD']
    file.write_text("\n".join(["event_id,brand_id,campaign_id,amount,currency", *rows]))
    for options in (["--dry-run"], [], []):  # twice, and it counts once
        result = commands.run("spend", "import", str(file), *options, "--json")
        *refused, summary = map(json.loads, result.out.splitlines())
        assert (result.exit_code, [it["line"] for it in refused]) == (1, [3, 4, 5, 6])
        assert (summary["published"], summary["refused"]) == (2, 4)
    assert commands.json("campaign", "show", campaign_id)["total_spent"] == "2.75"


def test_json_lines_are_published_as_they_are_and_what_nobody_knows_is_told(
    commands: Commands, worker: WorkerProcess, tmp_path: Path
) -> None:
    brand_id = commands.brand()
    line = f'{{"event_id":"{brand_id}-1", "brand_id":"{brand_id}","campaign_id":"new-{brand_id}","amount":0.10}}'
    other = line.replace(f'{brand_id}-1"', f'{brand_id}-2"')
    file = tmp_path / "spend.jsonl"
    file.write_bytes(line.encode() + b"\n\n\xff\n" + b"x" * 200_000 + b"\n" + other.encode())
    result = commands.run("spend", "import", str(file))
    assert (result.exit_code, result.out) == (1, "2 events published, 2 lines refused\n")
    assert f"The catalog has no campaign new-{brand_id}" in result.err
    assert [text.split(":")[0] for text in result.err.splitlines() if text.startswith("line")] == ["line 3", "line 4"]
    assert line.encode() in _values(Topic.SPEND_EVENTS)
    assert commands.json("brand", "show", brand_id)["daily_spent"] == "0.20"


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.txt", "no ending says more", "--format"),
        ("a.txt", "", "is empty"),
        ("a.csv", "event_id,amount\n", "brand_id, campaign_id"),
        ("a.csv", "", "is empty"),
    ],
)
def test_a_file_that_cannot_be_read_as_spend_is_refused(
    commands: Commands, tmp_path: Path, name: str, content: str, word: str
) -> None:
    (tmp_path / name).write_text(content)
    assert word in commands.refused("spend", "import", str(tmp_path / name))


def test_a_folder_is_refused_by_name(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "days.csv").mkdir()
    assert "folder" in commands.refused("spend", "import", str(tmp_path / "days.csv"))


def test_the_history_tells_who_when_from_and_to(commands: Commands) -> None:
    brand_id = commands.brand("--daily-budget", "100")
    campaign_id = commands.campaign(brand_id, "--window", "mon-fri 09:00-17:00")
    commands.done("brand", "set", brand_id, "--daily-budget", "none")
    commands.done("campaign", "set", campaign_id, "--window", "sat 10:00-11:00")
    newest = commands.json("brand", "history", brand_id)[0]
    window = commands.done("campaign", "history", campaign_id).splitlines()[0]
    assert newest["actor"] == "cli:tester"
    assert commands.json("campaign", "history", campaign_id)[0]["changed_at"] >= newest["changed_at"]
    assert "mon,tue,wed,thu,fri 09:00-17:00 -> sat 10:00-11:00" in window
    observed = [line for line in commands.done("brand", "history", brand_id).splitlines() if " brand " in line]
    assert "daily_budget: 100.00 -> none" in observed[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["control", "list", "--reason", "because"],
        ["control", "list", "--action", "stop"],
        ["control", "list", "--since", "yesterday"],
        ["control", "list", "--limit", "0"],
        ["spend", "list", "--day", "today"],
        ["spend", "list", "--brand", "a b"],
        ["spend", "import", "-"],
    ],
)
def test_a_wrong_value_is_refused(commands: Commands, arguments: list[str]) -> None:
    commands.refused(*arguments)


@pytest.mark.parametrize(
    "arguments", [["control", "show", "nobody:1:1"], ["control", "resend", "nobody"], ["campaign", "why", "nobody"]]
)
def test_what_is_not_there_is_exit_3(commands: Commands, arguments: list[str]) -> None:
    assert commands.run(*arguments).exit_code == 3


def _until(look: Callable[[], list[Any]], count: int) -> list[Any]:
    """What the ledger shows as soon as it has so many."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(found := look()) < count:
        assert time.monotonic() < deadline, found
    return found


def _values(topic: Topic) -> list[bytes]:
    async def read() -> list[bytes]:
        async with topic_reader(Settings(), topic) as reader:
            return [record.value async for record in reader.to_end() if record.value]

    return asyncio.run(read())
