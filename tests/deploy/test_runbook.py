"""The runbook: what it says to ask for is answered, what it names is there, and each of its steps has a test."""

import json
import re
import subprocess
from functools import cache
from typing import Final

import pytest

from core.moment import SECOND
from operations import doctor
from streams.clock import current_moment
from tests.commands import EXECUTABLE, Commands
from tests.deploy.test_prometheus import ALERTS, RUNBOOK, exported
from tests.docs.repository import files, in_backticks, section, table_rows, text_of
from tests.installation import Surroundings
from tests.streams.worker_process import WorkerProcess

TRIED: Final = "## How each step was tried"
STEPS: Final = RUNBOOK.partition(TRIED)[0]
#: Command lines of the page that only ask, or that may be repeated, and what they answer on a good installation. What
#: others have left in the journal and among the dead letters is shown as a table.
QUESTIONS: Final = {
    "check": "is on every partition",
    "control list": r"^decided at +action |The journal has no such command\.",
    "dlq list": r"^id +at +reason |No dead letter waits\.",
    "doctor": "broker clock",
    "doctor --for api": "every right of api",
    "doctor --for notifier": "every right of notifier",
    "doctor --for scheduler": "every right of scheduler",
    "doctor --for worker": "every right of worker",
    "migrate": "The database is at revision",
    "notification list --state waiting": r"^created at +|There is no notification\.",
    "reset daily --time-zone UTC": "is on every partition",
    "status": "worker lag",
    "topics check": "All topics are as they must be",
}


@pytest.mark.parametrize("alert", ALERTS)
def test_each_step_has_a_test_that_tries_it(alert: str) -> None:
    steps = re.findall(r"^(\d+)\. ", section(STEPS, f"## {alert}"), re.MULTILINE)
    tried = {step: tests for name, step, tests in table_rows(section(RUNBOOK, TRIED)) if name == alert}
    assert steps and list(tried) == steps
    assert all(re.search(r"`tests/\S+\.py::test_\w+`", tests) for tests in tried.values())


def test_every_metric_that_it_names_is_exported() -> None:
    named = set(re.findall(r"`(spendgate_\w+)`", STEPS))
    assert named
    assert {name for name in named if not any(it.startswith(name) for it in exported())} == set()


def test_every_line_of_a_log_and_every_reason_that_it_names_is_in_the_code() -> None:
    named = {name for name in in_backticks(STEPS) if re.fullmatch(r"[a-z]+(_[a-z]+)+", name)}
    assert len(named) > 10
    assert {name for name in named if not re.search(rf"\b{name}\b", _code())} == set()


@pytest.mark.parametrize("line", QUESTIONS)
def test_its_questions_are_answered(line: str, commands: Commands, worker: WorkerProcess) -> None:
    assert re.search(rf"spendgate {line}\b", STEPS)
    result = commands.run(*line.split())
    # What other tests of this installation have done, doctor may find wrong: it says so, and its exit code is then 1.
    finds_wrong = line.startswith("doctor") and bool(re.search("^WRONG ", result.out, re.MULTILINE))
    assert result.exit_code == int(finds_wrong), result
    assert re.search(QUESTIONS[line], result.out, re.MULTILINE), result


def test_status_tells_who_has_which_partitions(commands: Commands, worker: WorkerProcess) -> None:
    assert re.search(r"^worker +partitions 0, 1 at ", commands.done("status"), re.MULTILINE)


def test_doctor_tells_clocks_that_differ_from_ours(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    commands.done("check")
    monkeypatch.setattr(doctor, "current_moment", lambda: current_moment() - 30 * SECOND)
    found = {it["check"]: it for it in json.loads(commands.run("doctor", "--json").out)["findings"]}
    for clock in (found["broker clock"], found["database clock"]):
        assert (clock["good"], clock["mend"]) == (False, "set the clocks by NTP")
        assert clock["said"].endswith(" s from ours")


@pytest.mark.long_only
def test_the_tools_of_kafka_tell_members_and_replicas(
    commands: Commands, worker: WorkerProcess, surroundings: Surroundings
) -> None:
    group = surroundings.settings.topic("spendgate-worker")
    lines = _printed_by(f"kafka kafka-consumer-groups --describe --group {group} --members").splitlines()
    assert [line.split()[0] for line in lines if group in line] == [group]
    assert _printed_by("kafka kafka-topics --describe --under-replicated-partitions") == ""


def _printed_by(line: str) -> str:
    assert re.search(line.split(" --group ")[0], STEPS)
    return subprocess.run([EXECUTABLE, *line.split()], check=True, capture_output=True, text=True).stdout.strip()


@cache
def _code() -> str:
    folders = ("console", "core", "ledger", "notifier", "operations", "schedulers", "streams")
    return "\n".join(text_of(path) for path in sorted(files()) if path.startswith(folders) and path.endswith(".py"))
