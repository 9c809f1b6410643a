"""docs/benchmarks.json: the runs of each case, each with its date and commit, and the pages that are made from it.

A run replaces those of its case that other code gave, and nothing else: what was not measured again stays.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.case import Case
from bench.page import page
from bench.scaling import can_be_derived, with_derived

__all__ = ["Results", "code_of", "read_results", "write_pages"]

_ROOT: Final = Path(__file__).parent.parent
#: All but pages, for git.
_CODE: Final = ("--", ".", ":!docs", ":!*.md")
#: Figures of different ones do not go into one file.
_HARDWARE: Final = ("cores", "processor", "memory_gib")

Run = dict[str, Any]


class Results:
    """What is found of each case. `cases` are those that a whole measurement has, in the order of the page."""

    def __init__(
        self,
        command: str,
        cases: Iterable[Case],
        machine: Mapping[str, Any],
        before: Mapping[str, Any] | None = None,
        code: str | None = None,
    ) -> None:
        """What was found `before` stays, if it is of the same command and hardware."""
        self.code = code_of(_ROOT) if code is None else code
        stays = (
            before is not None and before["command"] == command and _hardware(before["machine"]) == _hardware(machine)
        )
        self._forgotten: list[Run] = []
        rows = {row["arguments"]: {**row, "runs": [*row["runs"]]} for row in (before or {}).get("cases", ()) if stays}
        of_plan = {it.arguments: rows.pop(it.arguments, None) or _row(it) for it in cases}
        self.found: dict[str, Any] = {"command": command, "machine": dict(machine), "cases": [*of_plan.values()]}
        for row in rows.values():
            self._insert(row)

    def runs(self, arguments: str) -> list[Run]:
        return next(row["runs"] for row in self.found["cases"] if row["arguments"] == arguments)

    def of_this_code(self, arguments: str) -> list[Run]:
        """Those that need not be taken again: with figures, and of peers with those of all."""
        return [it for it in self.runs(arguments) if self._is_current(it) and "figures" in it and "only" not in it]

    def forget(self, arguments: str) -> None:
        """Let the next run with figures replace all that are there."""
        self._forgotten += self.runs(arguments)

    def add(self, case: Case, run: Run) -> None:
        """With today's date and the present commit."""
        if all(row["arguments"] != case.arguments for row in self.found["cases"]):
            self._insert(_row(case))
        runs = self.runs(case.arguments)
        if "figures" in run:
            runs[:] = [left for it in runs if (left := it if self._is_current(it) else _beside(it, run))]
        runs.append({"measured": datetime.now(UTC).date().isoformat(), "code": self.code, **run})

    def write(self, out: Path) -> None:
        """`out` is without .json and .md."""
        out.with_suffix(".json").write_text(json.dumps(self.found, indent=1) + "\n", "utf-8")
        write_pages(out)

    def _is_current(self, run: Run) -> bool:
        return run["code"] == self.code and not any(run is it for it in self._forgotten)

    def _insert(self, row: dict[str, Any]) -> None:
        """Behind the last one of its group."""
        rows = self.found["cases"]
        places = [place for place, it in enumerate(rows, start=1) if it["group"] == row["group"]]
        rows.insert(places[-1] if places else len(rows), row)


def read_results(out: Path) -> dict[str, Any] | None:
    """What is there, of which `out` is without .json."""
    path = out.with_suffix(".json")
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def write_pages(out: Path) -> None:
    """The page beside the JSON, and what follows from it in `scaling.md` where that is beside it too."""
    found = json.loads(out.with_suffix(".json").read_text("utf-8"))
    out.with_suffix(".md").write_text(page(found), "utf-8")
    scaling_page = out.with_name("scaling.md")
    if scaling_page.exists() and can_be_derived(found):
        scaling_page.write_text(with_derived(scaling_page.read_text("utf-8"), found), "utf-8")


def _row(case: Case) -> dict[str, Any]:
    return {"group": case.group, "column": case.column, "arguments": case.arguments, "runs": []}


def _beside(older: Run, newer: Run) -> Run | None:
    """What of an older run a newer one does not replace: the peers that it leaves out, if it is one of some alone."""
    if "only" not in newer or "figures" not in older:
        return None
    left = {name: figures for name, figures in older["figures"].items() if name not in newer["figures"]}
    return {**older, "figures": left} if left else None


def _hardware(machine: Mapping[str, Any]) -> list[Any]:
    return [machine.get(name) for name in _HARDWARE]


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
