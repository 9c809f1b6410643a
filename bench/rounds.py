"""Cases in rounds. All that is found is written after each run, so that an interrupted measurement goes on."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from bench.cases import Case, take
from bench.machine import broker, describe
from bench.page import page
from bench.scaling import can_be_derived, with_derived

__all__ = ["Due", "Plan", "begun", "code_of", "due", "likely_seconds", "take_rounds", "write_page"]

_ROOT: Final = Path(__file__).parent.parent
#: All but pages, for git.
_CODE: Final = ("--", ".", ":!docs", ":!*.md")

#: What was found of each case so far, by its arguments.
Runs = Mapping[str, list[dict[str, Any]]]


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

    What is there of the same command and code stays, unless `afresh`; runs that failed are taken again.
    """
    found = begun(plan, None if afresh else _read(out), code_of(_ROOT))
    runs: Runs = {case["arguments"]: case["runs"] for case in found["cases"]}
    left = list(due(plan, runs))
    print(_announcement(left, runs), file=sys.stderr, flush=True)
    ends_at = time.monotonic() + 60 * plan.minutes
    sound = True

    def is_in_time(it: Due) -> bool:
        return time.monotonic() + likely_seconds(it.case, runs) <= ends_at

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
                runs[it.case.arguments].append(run)
                sound = sound and "failed" not in run
                print(json.dumps([it.case.arguments, run]), file=sys.stderr, flush=True)
                _write(out, found)
    return sound


def begun(plan: Plan, before: Mapping[str, Any] | None, code: str) -> dict[str, Any]:
    """What is written: that of before, where it is of the same command and code, else without a run."""
    if before and (before["command"], before.get("code")) == (plan.command, code):
        return {**before, "repeat": plan.repeat}
    return {
        "command": plan.command,
        "measured": datetime.now(UTC).date().isoformat(),
        "code": code,
        "machine": describe(),
        "repeat": plan.repeat,
        "cases": [{"group": it.group, "column": it.column, "arguments": it.arguments, "runs": []} for it in plan.cases],
    }


def due(plan: Plan, runs: Runs) -> Iterator[Due]:
    """In their order. A run that failed does not count."""
    taken = {arguments: sum("figures" in run for run in of_case) for arguments, of_case in runs.items()}
    for number in range(plan.repeat):
        for place, case in enumerate(plan.cases):
            if taken[case.arguments] <= number and (not plan.groups or case.group in plan.groups):
                yield Due(number, place, case)


def likely_seconds(case: Case, runs: Runs) -> float:
    """What it took before, else what it takes on a quiet machine."""
    return median([run["seconds"] for run in runs[case.arguments] if "figures" in run] or [case.seconds])


def write_page(out: Path) -> None:
    """The page beside the JSON, and what follows from it in `scaling.md` where that is beside it too."""
    found = json.loads(out.with_suffix(".json").read_text("utf-8"))
    out.with_suffix(".md").write_text(page(found), "utf-8")
    scaling_page = out.with_name("scaling.md")
    if scaling_page.exists() and can_be_derived(found):
        scaling_page.write_text(with_derived(scaling_page.read_text("utf-8"), found), "utf-8")


def _announcement(left: Sequence[Due], runs: Runs) -> str:
    seconds = sum(likely_seconds(it.case, runs) for it in left)
    ends = datetime.now() + timedelta(seconds=seconds)  # noqa: DTZ005
    return (
        f"{len(left)} runs of {len({it.number for it in left})} cases, about {_length(seconds)} on a quiet machine: "
        f"until {ends:%H:%M}. When it is interrupted, the same command goes on where it was."
    )


def _length(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _read(out: Path) -> dict[str, Any] | None:
    path = out.with_suffix(".json")
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def _write(out: Path, found: Mapping[str, Any]) -> None:
    out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    write_page(out)


def code_of(root: Path) -> str:
    """The last commit that changed more than pages, and whether it was changed since; empty outside of a repository.

    What stands behind "+ changes" differs where they do: a measurement goes on with the same code alone.
    """
    commit = _git(root, "log", "-1", "--format=%h", *_CODE)
    changes = _git(root, "diff", "HEAD", *_CODE)
    for path in _git(root, "ls-files", "--others", "--exclude-standard", "-z", *_CODE).split("\0")[:-1]:
        changes += path + ((root / path).read_text("utf-8", errors="replace") if (root / path).is_file() else "")
    return f"{commit} + changes {hashlib.sha256(changes.encode()).hexdigest()[:7]}" if changes else commit


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="replace").stdout.rstrip("\n")
