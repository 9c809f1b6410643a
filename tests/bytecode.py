"""Test modules are compiled once, and not by each process of a run with pytest-xdist."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

__all__ = ["compile_tests"]

_TESTS: Final = Path(__file__).parent
_TAG: Final = f"{sys.implementation.cache_tag}-pytest-{pytest.__version__}"
#: With fewer that have changed, the processes of a run are quicker by themselves.
_MANY: Final = 50


def compile_tests() -> None:
    """pytest rewrites the asserts of each test module and keeps what comes of it. The processes of a run begin at the
    same time: where nothing is kept yet, in a new clone for one, each of them would spend 4.6 CPU seconds on that. No
    effect where it is kept, or where no bytecode may be."""
    if sys.dont_write_bytecode or sum(map(_is_outdated, _TESTS.rglob("test_*.py"))) < _MANY:
        return
    folders = sorted(str(it.parent) for it in _TESTS.glob("*/__init__.py"))
    collect = [sys.executable, "-m", "pytest", "--collect-only", "--numprocesses=0", "-qq", "-p", "no:cacheprovider"]
    halves = [
        subprocess.Popen([*collect, *half], cwd=_TESTS.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for half in (folders[::2], folders[1::2])
    ]
    for half in halves:
        half.wait()


def _is_outdated(module: Path) -> bool:
    kept = module.parent / "__pycache__" / f"{module.stem}.{_TAG}.pyc"
    return not kept.exists() or kept.stat().st_mtime < module.stat().st_mtime
