"""Which goals are reached follows from the figures alone."""

from typing import Any

from bench.cases import SIZES, cases
from bench.goals import SUBJECTS, section
from bench.page import _GROUPS


def _found(figure: float, ours: float = 3) -> dict[str, Any]:
    """A whole measurement of which every figure is the same, and the race is decided."""
    rows = []
    for case in cases(SIZES["full"]):
        figures: dict[str, Any] = {}
        if case.group == "peers":
            rates = {"Spendgate": ours, "Bytewax": 2, "Apache Flink, hashmap": 4, "`getmany`, which does nothing": 9}
            figures = {name: {"warm_events_per_second": rate} for name, rate in rates.items()}
        else:
            figures = dict.fromkeys(_GROUPS[case.group].labels, figure)
        rows.append({"group": case.group, "column": case.column, "runs": [{"figures": figures}]})
    return {"cases": rows}


def _rows(found: dict[str, Any]) -> list[list[str]]:
    lines = [line for line in section(found).splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ") for line in lines if not line.startswith("| goal")]


def test_a_whole_measurement_has_the_figure_of_every_goal() -> None:
    rows = _rows(_found(1))
    assert len(rows) == sum(len(subject.goals) for subject in SUBJECTS)
    assert {reached for *_, reached in rows} == {"yes", "no"}


def test_a_figure_is_compared_with_its_bound() -> None:
    low, high = ({row[0]: row[2:] for row in _rows(_found(figure))} for figure in (0.2, 100_000))
    what = "1,000,000 brands: catalog applied, first states told, s"
    assert low[what] == ["0.2", "≤ 60", "yes"]
    assert high[what] == ["100,000", "≤ 60", "no"]
    what = "backlog of 1,000,000 brands, events/s, by those of 1,000 brands"
    assert low[what] == ["1", "≥ 0.6", "yes"]


def test_first_place_is_the_place_before_the_quickest_peer() -> None:
    what = "1,000 brands: warm events/s, by those of the quickest peer"
    for ours, cells in ((3, ["0.75", "≥ 1", "no"]), (4, ["1", "≥ 1", "yes"])):
        (row,) = (row for row in _rows(_found(1, ours)) if row[0] == what)
        assert row[2:] == cells


def test_what_was_not_measured_is_not_called_reached_and_what_is_missed_has_a_next_idea() -> None:
    nothing = section({"cases": []})
    assert {row[-1] for row in _rows({"cases": []})} == {"not known"}
    assert nothing.count("Next idea: ") == len(SUBJECTS)
    assert section(_found(0.2, ours=9)).count("Next idea: ") == 0
