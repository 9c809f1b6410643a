"""docs/old-system.md names a test for each failure, and every test that it names is collected."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = re.findall(r"^\| (B\d+) \| [^|]+ \| ([^|]+) \|$", (ROOT / "docs/old-system.md").read_text(), re.MULTILINE)


def test_each_failure_of_the_old_system_has_its_tests() -> None:
    assert [number for number, _ in ROWS] == [f"B{number}" for number in range(1, 31)]
    assert all(re.fullmatch(r"(`tests/\w+/test_\w+\.py::test_\w+` ?)+", named) for _, named in ROWS)


def test_every_test_that_is_named_is_collected() -> None:
    named = sorted({name for _, names in ROWS for name in re.findall(r"`([^`]+)`", names)})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *named]
    collected = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert collected.returncode == 0, collected.stdout[-2000:] + collected.stderr[-2000:]
