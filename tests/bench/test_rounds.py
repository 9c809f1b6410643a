"""What of a measurement is still due, and what of an interrupted one stays."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench import rounds
from bench.cases import Case
from bench.rounds import Plan, begun, code_of, due, likely_seconds, take_rounds


def _case(group: str, seconds: float = 10) -> Case:
    return Case(group, "", group, seconds, lambda settings: {})


CASES = [_case("backlog"), _case("peers", seconds=60)]
RUN = {"figures": {}, "seconds": 25.0}
FAILED = {"failed": "TimeoutError", "seconds": 900.0}


def _plan(*groups: str, repeat: int = 2) -> Plan:
    return Plan("make bench SIZE=small", CASES, groups, repeat, minutes=1)


def _due(plan: Plan, runs: dict[str, list[dict[str, Any]]]) -> list[tuple[int, str]]:
    return [(it.round, it.case.group) for it in due(plan, runs)]


def test_rounds_go_over_all_cases_in_turn() -> None:
    nothing: dict[str, list[dict[str, Any]]] = {"backlog": [], "peers": []}
    assert _due(_plan(), nothing) == [(0, "backlog"), (0, "peers"), (1, "backlog"), (1, "peers")]
    assert _due(_plan("peers"), nothing) == [(0, "peers"), (1, "peers")]


def test_what_was_taken_is_not_taken_again_and_what_failed_is() -> None:
    assert _due(_plan(), {"backlog": [RUN, RUN], "peers": [RUN, FAILED]}) == [(1, "peers")]
    assert _due(_plan(repeat=3), {"backlog": [RUN, RUN], "peers": [RUN, RUN, RUN]}) == [(2, "backlog")]


def test_a_measurement_of_the_same_command_and_code_goes_on() -> None:
    before = begun(_plan(), None, "abc1234")
    before["cases"][0]["runs"].append(RUN)
    assert begun(_plan(repeat=3), before, "abc1234")["cases"][0]["runs"] == [RUN]
    assert begun(_plan(), before, "def5678")["cases"][0]["runs"] == []
    assert begun(_plan()._replace(command="make bench SIZE=full"), before, "abc1234")["cases"][0]["runs"] == []


def test_a_case_is_likely_to_take_what_it_took() -> None:
    assert likely_seconds(CASES[1], {"peers": []}) == 60
    assert likely_seconds(CASES[1], {"peers": [RUN, FAILED]}) == 25


def test_no_broker_is_started_for_a_round_of_which_nothing_ends_in_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def start() -> None:
        raise AssertionError("a broker is started")

    monkeypatch.setattr(rounds, "broker", start)
    plan = _plan()
    assert take_rounds(plan._replace(minutes=0), tmp_path / "found", afresh=False)
    with pytest.raises(AssertionError, match="a broker is started"):
        take_rounds(plan, tmp_path / "found", afresh=False)


def _git(folder: Path, *arguments: str) -> None:
    author = ["-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *author, *arguments], check=True, capture_output=True)


def test_changes_that_are_not_committed_stand_beside_the_commit(tmp_path: Path) -> None:
    assert code_of(tmp_path) == ""
    _git(tmp_path, "init")
    code, page = tmp_path / "code.py", tmp_path / "page.md"
    code.write_text("1")
    page.write_text("1")
    _git(tmp_path, "add", "-A")
    _git(tmp_path, "commit", "-m", "Begin")
    commit = code_of(tmp_path)
    page.write_text("2")
    assert code_of(tmp_path) == commit
    found = set()
    for text in ("2", "3"):
        code.write_text(text)
        found.add(code_of(tmp_path))
    (tmp_path / "new.py").write_text("1")
    found.add(code_of(tmp_path))
    assert all(it.startswith(f"{commit} + changes ") for it in found)
    assert len(found) == 3
    _git(tmp_path, "add", "-A")
    _git(tmp_path, "commit", "-m", "Go on")
    assert "+" not in code_of(tmp_path)
