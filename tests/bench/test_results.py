"""What a run replaces in the file of figures, and what stays."""

import json
import subprocess
from pathlib import Path
from typing import Any

from bench.case import Case
from bench.page import page
from bench.results import Results, code_of, read_results

MACHINE = {"cores": 2, "processor": "one", "memory_gib": 24, "python": "3.11"}
RUN = {"seconds": 25.0, "cores_of_others": 0.5, "load_after": 3.0}


def _case(group: str, column: str = "50", arguments: str | None = None) -> Case:
    return Case(group, column, arguments or f"{group} {column}", 10, lambda settings: {})


MIDNIGHT, PEERS = _case("midnight"), _case("peers")


def _results(code: str, before: Results | None = None, **others: Any) -> Results:
    asked = {"command": "make bench", "cases": [MIDNIGHT, PEERS], "machine": MACHINE, **others}
    return Results(**asked, before=json.loads(json.dumps(before.found)) if before else None, code=code)


def _midnight(seconds: float) -> dict[str, Any]:
    names = ("all_resumes_seconds", "others_answered_median_seconds", "others_answered_longest_seconds")
    return {**RUN, "figures": dict.fromkeys(names, seconds)}


def _peers(**rates: int) -> dict[str, Any]:
    return {**RUN, "figures": {name: {"events_per_second": rate} for name, rate in rates.items()}}


def _codes(results: Results, case: Case) -> list[str]:
    return [run["code"] for run in results.runs(case.arguments)]


def test_a_run_replaces_those_that_other_code_gave_of_its_case_alone() -> None:
    first = _results("one")
    first.add(MIDNIGHT, _midnight(1))
    first.add(PEERS, _peers(Spendgate=1))
    second = _results("two", first)
    second.add(MIDNIGHT, _midnight(2))
    second.add(MIDNIGHT, _midnight(3))
    assert (_codes(second, MIDNIGHT), _codes(second, PEERS)) == (["two", "two"], ["one"])


def test_a_run_that_failed_replaces_none() -> None:
    first = _results("one")
    first.add(MIDNIGHT, _midnight(1))
    second = _results("two", first)
    second.add(MIDNIGHT, {**RUN, "failed": "TimeoutError"})
    assert _codes(second, MIDNIGHT) == ["one", "two"]
    second.add(MIDNIGHT, _midnight(1))
    assert _codes(second, MIDNIGHT) == ["two", "two"]


def test_peers_that_were_not_measured_again_keep_their_figures_date_and_commit() -> None:
    first = _results("one")
    first.add(PEERS, _peers(Spendgate=10, Bytewax=20))
    second = _results("two", first)
    second.add(PEERS, {"only": ["flink"], **_peers(Spendgate=30, Flink=40)})
    assert [[*run["figures"]] for run in second.runs(PEERS.arguments)] == [["Bytewax"], ["Spendgate", "Flink"]]
    lines = page(second.found).splitlines()
    (bytewax,) = (line for line in lines if line.startswith("| Bytewax | 20 |"))
    (flink,) = (line for line in lines if line.startswith("| Flink | 40 |"))
    assert bytewax.endswith(" at one |")
    assert flink.endswith(" at two |")


def test_a_run_of_a_case_that_no_whole_measurement_has_stands_behind_its_group() -> None:
    results = _results("one")
    results.add(_case("midnight", "70"), _midnight(1))
    assert [row["arguments"] for row in results.found["cases"]] == ["midnight 50", "midnight 70", "peers 50"]
    assert [row["arguments"] for row in _results("two", results).found["cases"]][1] == "midnight 70"


def test_what_is_forgotten_goes_with_the_first_run_that_replaces_it() -> None:
    first = _results("one")
    first.add(MIDNIGHT, _midnight(1))
    again = _results("one", first)
    assert len(again.of_this_code(MIDNIGHT.arguments)) == 1
    again.forget(MIDNIGHT.arguments)
    assert again.of_this_code(MIDNIGHT.arguments) == []
    assert len(again.runs(MIDNIGHT.arguments)) == 1
    again.add(MIDNIGHT, _midnight(2))
    again.add(MIDNIGHT, _midnight(3))
    assert [run["figures"]["all_resumes_seconds"] for run in again.runs(MIDNIGHT.arguments)] == [2, 3]


def test_figures_of_another_size_or_machine_do_not_go_into_one_file() -> None:
    first = _results("one")
    first.add(MIDNIGHT, _midnight(1))
    assert _results("one", first, command="make bench SIZE=small").runs(MIDNIGHT.arguments) == []
    assert _results("one", first, machine={**MACHINE, "cores": 4}).runs(MIDNIGHT.arguments) == []
    assert len(_results("one", first, machine={**MACHINE, "python": "3.12"}).runs(MIDNIGHT.arguments)) == 1


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    out = tmp_path / "found"
    assert read_results(out) is None
    first = _results("one")
    first.add(MIDNIGHT, _midnight(1))
    first.write(out)
    assert read_results(out) == first.found
    assert out.with_suffix(".md").read_text() == page(first.found)


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
