"""Engines in Python do the worker's work on the worker's core, each in an environment of its own."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from bench.peer.program import Drained, drained
from local.cache import cache_folder, exclusive
from streams.settings import Settings

__all__ = ["ENGINES", "Engine", "drain"]

_HERE: Final = Path(__file__).parent
_COMMON: Final = ("msgspec==0.22.0", "confluent-kafka==2.12.2")


class Engine(NamedTuple):
    """`program` is a file of this folder."""

    package: str
    program: str


ENGINES: Final = {
    "Bytewax": Engine("bytewax==0.21.1", "bytewax_program.py"),
}


def drain(settings: Settings, events: int, engine: Engine, state: str, commands: str) -> Drained:
    """Pauses go to the topic `commands`, which is the program's name too. `state` says how state is kept, where the
    engine has a choice."""
    with tempfile.TemporaryDirectory(prefix="spendgate-peer-") as name:
        command = [str(_python(engine)), str(_HERE / engine.program)]
        return drained(command, Path(name), settings, events, state, commands)


def _python(engine: Engine) -> Path:
    """Of the environment, which is made at the first use and kept with the jars."""
    folder = cache_folder() / "peers" / engine.package
    python = folder / "bin" / "python"
    folder.parent.mkdir(exist_ok=True)
    with exclusive(folder.with_name(f"{engine.package}.lock")):
        if not (folder / "ready").exists():
            uv = [str(Path(sys.executable).with_name("uv"))]
            subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
            packages = [engine.package, *_COMMON]
            subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(python), *packages], check=True)
            (folder / "ready").touch()
    return python
