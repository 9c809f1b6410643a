"""A peer in Java: compiled, and run on the worker's core."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.peer.program import Drained, PeerFailed, drained, said
from streams.settings import Settings

__all__ = ["drain_by", "javac"]

_HERE: Final = Path(__file__).parent


def javac() -> str:
    found = shutil.which("javac")
    if found is None:
        raise PeerFailed("it has to be compiled: install a JDK, so that javac is on PATH")
    return found


def drain_by(
    main_class: str,
    jars: Sequence[Path],
    command: Sequence[str],
    settings: Settings,
    events: int,
    state: str,
    commands: str,
) -> Drained:
    """Compile the program beside this file and have it drain the spend events. `command` starts the JVM; `state` says
    where it holds its totals; pauses go to the topic `commands`, which is the program's name too: one a run."""
    with tempfile.TemporaryDirectory(prefix="spendgate-peer-") as name:
        folder = Path(name)
        _compile([_HERE / "Work.java", _HERE / f"{main_class}.java"], jars, folder)
        path = os.pathsep.join([name, *map(str, jars)])
        return drained([*command, "-cp", path, main_class], folder, settings, events, state, commands)


def _compile(sources: Sequence[Path], jars: Sequence[Path], folder: Path) -> None:
    path = os.pathsep.join(map(str, jars))
    said([javac(), "--release", "17", "-cp", path, "-d", str(folder), *map(str, sources)])
