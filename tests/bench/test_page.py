"""The page of figures, and the command that lists and takes them."""

import json
import re
from typing import Any

import pytest

from bench.__main__ import main, measurements
from bench.cases import SIZES, cases
from bench.page import page
from bench.scaling import with_derived
from tests.docs.repository import text_of

RUN = {"measured": "2026-11-27", "code": "abc1234", "cores_of_others": 0.5, "load_after": 3.0}


def _case(column: str, *runs: dict[str, Any]) -> dict[str, Any]:
    return {"group": "midnight", "column": column, "arguments": f"midnight {column}", "runs": list(runs)}


def _run(seconds: float) -> dict[str, Any]:
    names = ("all_resumes_seconds", "others_answered_median_seconds", "others_answered_longest_seconds")
    return {**RUN, "figures": dict.fromkeys(names, seconds)}


def _found(*measured: dict[str, Any]) -> dict[str, Any]:
    machine = {"cores": 2, "python": "3.11"}
    return {"command": "make bench SIZE=small", "machine": machine, "cases": list(measured)}


def test_a_column_has_medians_of_its_runs_and_the_load_stands_beside_them() -> None:
    text = page(_found(_case("50", _run(2), _run(9), _run(4))))
    assert "| until all resumes are read, s | 4 (2-9) |" in text
    assert "| *others' cores meanwhile* | 0.50 |" in text
    assert "the median of 3 runs" in text
    assert "programs kept 0.5 (0.5-0.5) of 2 cores busy, and the load average was 3 (3-3)" in text
    assert "| *measured* | 2026-11-27 at abc1234 |" in text
    assert "    python -m bench midnight 50\n" in text


def test_runs_that_failed_are_named_beside_the_others() -> None:
    late, lost = (
        {**RUN, "cores_of_others": 2, "load_after": 9, "failed": why}
        for why in ("TimeoutError: not within 3 s", "KeyError: 'x'")
    )
    text = page(_found(_case("50", _run(2), late)))
    assert "| until all resumes are read, s | 2 |" in text
    assert "1 of 2 runs of 50 failed and is left out: not within 3 s.\n" in text
    assert "the median of 1 runs" in text
    assert "2 of 3 runs of 50 failed and are left out: not within 3 s.\n" in page(
        _found(_case("50", late, _run(2), late))
    )
    assert "1 of 2 runs of 50 failed and is left out.\n" in page(_found(_case("50", _run(2), lost)))


def test_no_error_of_our_own_program_is_published() -> None:
    assert not re.search(r"\w+Error\b|could not convert", text_of("docs/benchmarks.md"))


def test_what_was_not_measured_is_not_in_the_page() -> None:
    assert "midnight 60" not in page(_found(_case("50", _run(2)), _case("60")))


def test_the_page_of_the_repository_is_made_from_its_figures() -> None:
    assert text_of("docs/benchmarks.md") == page(json.loads(text_of("docs/benchmarks.json")))


def test_what_the_page_of_scaling_derives_follows_from_the_figures() -> None:
    found = json.loads(text_of("docs/benchmarks.json"))
    assert text_of("docs/scaling.md") == with_derived(text_of("docs/scaling.md"), found)


def test_every_case_of_every_size_is_a_measurement_that_there_is() -> None:
    named = {case.arguments.split()[0] for size in SIZES.values() for case in cases(size)}
    assert named == {"backlog", "scale", "midnight", "latency", "peers", "many_pauses", "skew", "workers"}
    assert named < measurements().keys()


def test_the_command_lists_what_it_takes_and_refuses_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert listed == list(measurements())
    assert main(["nonsense"]) == 1
