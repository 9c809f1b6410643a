"""Java's class-data archive lies in a cache that brokers of several installations use at the same time."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.class_archive import Recording

RECORD_AND_BE_KILLED = """
import os, sys
from pathlib import Path
from local.class_archive import Recording
recording = Recording([Path(sys.argv[1])])
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "spendgate" / "java"


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    path = tmp_path / "kafka.jar"
    path.write_text("classes")
    return path


def recorded(jar: Path) -> Recording:
    """One whose broker has ended and left its archive."""
    recording = Recording([jar])
    recording._unfinished.write_text("archive")
    return recording


def test_the_end_of_one_broker_leaves_the_recording_of_another(cache: Path, jar: Path) -> None:
    other = recorded(jar)
    recorded(jar).keep()
    assert other._unfinished.exists()
    other.keep()
    assert list(cache.glob("recording-*")) == []
    assert [path.read_text() for path in cache.glob("classes-*.jsa")] == ["archive"]


def test_the_recording_of_a_killed_broker_is_removed(cache: Path, jar: Path) -> None:
    subprocess.run([sys.executable, "-c", RECORD_AND_BE_KILLED, str(jar)], check=False, timeout=60)
    assert len(list(cache.glob("recording-*"))) == 1
    recorded(jar).keep()
    assert list(cache.glob("recording-*")) == []


def test_archives_of_other_versions_go_when_they_are_old(cache: Path, jar: Path) -> None:
    recording = recorded(jar)
    young, old = cache / "base-young.jsa", cache / "base-old.jsa"
    for path in (young, old):
        path.write_text("archive")
    month_ago = time.time() - 30 * 24 * 3600
    os.utime(old, (month_ago, month_ago))
    recording.keep()
    assert (young.exists(), old.exists()) == (True, False)


def test_a_folder_that_vanishes_under_way_is_no_failure(
    cache: Path, jar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def java(*command: object, **_: object) -> subprocess.CompletedProcess[bytes]:
        shutil.rmtree(cache)
        return subprocess.CompletedProcess(command, 0)

    recording = recorded(jar)
    monkeypatch.setattr(subprocess, "run", java)
    assert recording.options() == []
    recording.keep()
