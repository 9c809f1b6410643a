"""docs/old-system.md names a test for each failure, and every test that it names is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = re.findall(r"^\| (B\d+) \| [^|]+ \| ([^|]+) \|$", (ROOT / "docs/old-system.md").read_text(), re.MULTILINE)


def test_each_failure_of_the_old_system_has_its_tests() -> None:
    assert [number for number, _ in ROWS] == [f"B{number}" for number in range(1, 31)]
    assert all(re.fullmatch(r"(`tests/[\w/]+/test_\w+\.py::test_\w+` ?)+", named) for _, named in ROWS)


def test_every_test_that_is_named_is_there() -> None:
    named = {name for _, names in ROWS for name in re.findall(r"`([^`]+)`", names)}
    assert named <= {name for path in {name.split("::")[0] for name in named} for name in _tests_of(path)}


def _tests_of(path: str) -> set[str]:
    """The test functions that pytest collects of a file."""
    tree = ast.parse((ROOT / path).read_text())
    functions = (it for it in tree.body if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef))
    return {f"{path}::{it.name}" for it in functions if it.name.startswith("test_")}
