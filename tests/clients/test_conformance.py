"""Every client library comes to the same from the logs of clients/conformance, which is what is written there, and from
logs that are drawn at random."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.libraries import CLIENTS, LIBRARIES, ClientLibrary
from tests.clients.random_logs import random_log
from tests.lengths import length

PYTHON, *OTHERS = LIBRARIES
LOGS = sorted((CLIENTS / "conformance").glob("*.json"))


def play(library: ClientLibrary, logs: list[Path]) -> dict[str, Any]:
    """What a library makes of the logs; skips where its toolchain is not on this machine."""
    command = [*library.command("conformance"), *(str(log) for log in logs)]
    played = subprocess.run(command, env=library.environment, capture_output=True, text=True, timeout=120)
    assert played.returncode == 0, played.stderr
    told: dict[str, Any] = json.loads(played.stdout)
    return told


@pytest.fixture(scope="module", params=LIBRARIES, ids=lambda library: library.name)
def observed(request: pytest.FixtureRequest) -> dict[str, Any]:
    return play(request.param, LOGS)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Logs by their seeds."""
    folder = tmp_path_factory.mktemp("logs")
    logs = [folder / f"{seed}.json" for seed in range(length(200, 3000))]
    for seed, log in enumerate(logs):
        log.write_text(json.dumps(random_log(seed)))
    return logs


@pytest.fixture(scope="module")
def of_python(drawn: list[Path]) -> dict[str, Any]:
    return play(PYTHON, drawn)


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_each_step_of_a_log_comes_to_what_is_written_in_it(observed: dict[str, Any], log: Path) -> None:
    steps = json.loads(log.read_bytes())["steps"]
    assert len(observed[log.stem]) == len(steps)
    for number, (step, told) in enumerate(zip(steps, observed[log.stem], strict=True)):
        assert told == step["expect"], f"step {number}: {step.get('why', '')}"


@pytest.mark.long
@pytest.mark.parametrize("library", OTHERS, ids=lambda library: library.name)
def test_all_agree_on_what_nobody_wrote_by_hand(
    library: ClientLibrary, drawn: list[Path], of_python: dict[str, Any]
) -> None:
    observed = play(library, drawn)
    assert [seed for seed, steps in of_python.items() if observed[seed] != steps] == []
