"""What of a measurement is still due, and what of an interrupted one stays."""

from typing import Any

from bench.cases import Case
from bench.rounds import Plan, begun, due, likely_seconds


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
