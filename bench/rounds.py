"""Cases in rounds. All that is found is written after each run, so that an interrupted measurement goes on."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.case import Case, take
from bench.machine import broker, describe
from bench.results import Results, read_results

__all__ = ["Due", "Plan", "due", "likely_seconds", "take_rounds"]


class Plan(NamedTuple):
    """`cases` are all that the page can have; those of `groups` are taken now, all of them where there are none."""

    command: str
    cases: Sequence[Case]
    groups: Sequence[str]
    repeat: int
    minutes: float  # no run begins that is likely to end later


class Due(NamedTuple):
    round: int
    number: int
    case: Case


def take_rounds(plan: Plan, out: Path, *, afresh: bool) -> bool:
    """Take what is not there yet. True if nothing that was taken failed.

    What is there of the same code stays, unless `afresh`; runs that failed are taken again. What is there of other code
    stays until a run replaces it.
    """
    results = Results(plan.command, plan.cases, describe(), read_results(out))
    if afresh:
        for case in _chosen(plan):
            results.forget(case.arguments)
    left = list(due(plan, results))
    print(_announcement(left, results), file=sys.stderr, flush=True)
    ends_at = time.monotonic() + 60 * plan.minutes
    sound = True

    def is_in_time(it: Due) -> bool:
        return time.monotonic() + likely_seconds(it.case, results) <= ends_at

    for number, group in groupby(left, key=lambda it: it.round):
        of_round = list(group)
        if not any(map(is_in_time, of_round)):
            continue
        # A round has a broker of its own, so that none carries the topics of those before it.
        with broker() as kafka:
            for it in of_round:
                if not is_in_time(it):
                    continue
                run = take(it.case, kafka, f"round{number}-case{it.number}-")
                results.add(it.case, run)
                sound = sound and "failed" not in run
                print(json.dumps([it.case.arguments, run]), file=sys.stderr, flush=True)
                results.write(out)
    return sound


def due(plan: Plan, results: Results) -> Iterator[Due]:
    """In their order. A run that failed does not count."""
    taken = {case.arguments: len(results.of_this_code(case.arguments)) for case in plan.cases}
    chosen = _chosen(plan)
    for number in range(plan.repeat):
        for place, case in enumerate(plan.cases):
            if taken[case.arguments] <= number and case in chosen:
                yield Due(number, place, case)


def likely_seconds(case: Case, results: Results) -> float:
    """What it took before, else what it takes on a quiet machine."""
    taken = [run["seconds"] for run in results.runs(case.arguments) if "figures" in run and "only" not in run]
    return median(taken or [case.seconds])


def _chosen(plan: Plan) -> list[Case]:
    return [case for case in plan.cases if not plan.groups or case.group in plan.groups]


def _announcement(left: Sequence[Due], results: Results) -> str:
    seconds = sum(likely_seconds(it.case, results) for it in left)
    ends = datetime.now() + timedelta(seconds=seconds)  # noqa: DTZ005
    return (
        f"{len(left)} runs of {len({it.number for it in left})} cases, about {_length(seconds)} on a quiet machine: "
        f"until {ends:%H:%M}. When it is interrupted, the same command goes on where it was."
    )


def _length(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
