"""What of a measurement is still due."""

from pathlib import Path
from typing import Any

import pytest

from bench import rounds
from bench.case import Case
from bench.results import Results
from bench.rounds import Plan, due, likely_seconds, take_rounds


def _case(group: str, seconds: float = 10) -> Case:
    return Case(group, "", group, seconds, lambda settings: {})


CASES = [_case("backlog"), _case("peers", seconds=60)]
RUN = {"figures": {}, "seconds": 25.0, "code": "abc1234"}
FAILED = {"failed": "TimeoutError", "seconds": 900.0, "code": "abc1234"}


def _plan(*groups: str, repeat: int = 2) -> Plan:
    return Plan("make bench SIZE=small", CASES, groups, repeat, minutes=1)


def _results(**runs: list[dict[str, Any]]) -> Results:
    rows = [{"group": name, "column": "", "arguments": name, "runs": of_case} for name, of_case in runs.items()]
    before = {"command": "make bench SIZE=small", "machine": {}, "cases": rows}
    return Results("make bench SIZE=small", CASES, {}, before, code="abc1234")


def _due(plan: Plan, results: Results) -> list[tuple[int, str]]:
    return [(it.round, it.case.group) for it in due(plan, results)]


def test_rounds_go_over_all_cases_in_turn() -> None:
    assert _due(_plan(), _results()) == [(0, "backlog"), (0, "peers"), (1, "backlog"), (1, "peers")]
    assert _due(_plan("peers"), _results()) == [(0, "peers"), (1, "peers")]


def test_what_was_taken_is_not_taken_again_and_what_failed_is() -> None:
    assert _due(_plan(), _results(backlog=[RUN, RUN], peers=[RUN, FAILED])) == [(1, "peers")]
    assert _due(_plan(repeat=3), _results(backlog=[RUN, RUN], peers=[RUN, RUN, RUN])) == [(2, "backlog")]


def test_runs_of_other_code_and_of_some_peers_alone_are_taken_again() -> None:
    assert _due(
        _plan(), _results(backlog=[RUN, {**RUN, "code": "def5678"}], peers=[RUN, {**RUN, "only": ["Flink"]}])
    ) == [
        (1, "backlog"),
        (1, "peers"),
    ]


def test_a_case_is_likely_to_take_what_it_took() -> None:
    assert likely_seconds(CASES[1], _results()) == 60
    assert likely_seconds(CASES[1], _results(peers=[RUN, FAILED])) == 25


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
