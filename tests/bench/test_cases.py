"""Each case of the page gives the figures that the page shows, here with little of everything."""

import os
from typing import Final

import pytest

from bench.case import Case, take
from bench.cases import Size, cases
from bench.page import page
from local.kafka import LocalKafka

TINY: Final = Size(
    brands=(20, 50),
    events=40_000,  # more than a worker takes between two looks at it
    rates=(2_000,),
    latency_seconds=2,
    peers=(),
    campaigns=30,
    workers=(2,),
    midnight_brands=50,
)


@pytest.mark.long_only
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="the worker is measured on a core of its own")
@pytest.mark.parametrize("case", [pytest.param(case, id=case.arguments) for case in cases(TINY)])
def test_a_case_gives_the_figures_of_the_page(kafka: LocalKafka, topic_prefix: str, case: Case) -> None:
    run = take(case, kafka, topic_prefix)
    assert run.get("failed") is None
    dated = {"measured": "2026-11-27", "code": "", **run}
    row = {"group": case.group, "column": case.column, "arguments": case.arguments, "runs": [dated]}
    about = {"command": "make bench", "machine": {"cores": 2}}
    assert case.column in page({**about, "cases": [row]})
    assert min(run["figures"].values()) >= 0
