"""Tools that prepare a service."""

import sys
from pathlib import Path

import pytest

from local.child import run_to_end
from local.service_errors import ServiceDidNotStart


def test_a_tool_that_never_ends_is_ended_and_told(tmp_path: Path) -> None:
    endless = [sys.executable, "-S", "-c", "import signal; signal.pause()"]
    with pytest.raises(ServiceDidNotStart, match=r"Kafka .*has not ended within 0\.2 s"):
        run_to_end(endless, "Kafka", tmp_path / "kafka.log", folder=tmp_path, seconds=0.2)


def test_a_tool_that_ends_returns_its_code_and_output(tmp_path: Path) -> None:
    ended = run_to_end(
        [sys.executable, "-S", "-c", "import sys; print(7); sys.exit(3)"], "Kafka", tmp_path, folder=tmp_path
    )
    assert (ended.returncode, ended.stdout) == (3, "7\n")
