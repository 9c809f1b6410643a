"""Engines in Python do the worker's work on the worker's core, each in an environment of its own."""

import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from bench.peer.program import Drained, drained, said
from local.cache import cache_folder, exclusive
from streams.settings import Settings

__all__ = ["ENGINES", "SLOW_ENGINES", "Engine", "drain"]

_HERE: Final = Path(__file__).parent
_COMMON: Final = ("msgspec==0.22.0", "confluent-kafka==2.12.2")


class Engine(NamedTuple):
    """`program` is a file of this folder; the environment has the first package's name; `state` is how state is kept,
    where there is a choice."""

    packages: tuple[str, ...]
    program: str
    state: str = ""


_FAUST: Final = ("faust-streaming==0.15.3", "rocksdict==0.3.29", "uvloop==0.23.0")

ENGINES: Final = {
    "Bytewax": Engine(("bytewax==0.21.1",), "bytewax_program.py"),
    "Quix Streams": Engine(("quixstreams==3.28.1",), "quix_program.py"),
}
#: Those that are slow by far, or do not end with all of the events.
SLOW_ENGINES: Final = {
    "Pathway": Engine(("pathway==0.33.0",), "pathway_program.py"),
    "Faust, memory": Engine(_FAUST, "faust_program.py", "memory"),
    "Faust, rocksdb": Engine(_FAUST, "faust_program.py", "rocksdb"),
}


def drain(settings: Settings, events: int, engine: Engine, commands: str) -> Drained:
    """Pauses go to the topic `commands`, which is the program's name too."""
    with tempfile.TemporaryDirectory(prefix="spendgate-peer-") as name:
        command = [str(_python(engine)), str(_HERE / engine.program)]
        return drained(command, Path(name), settings, events, engine.state, commands)


def _python(engine: Engine) -> Path:
    """Of the environment, which is made at the first use, and anew for other packages, and is kept with the jars."""
    folder = cache_folder() / "peers" / engine.packages[0]
    python, ready = folder / "bin" / "python", folder / "ready"
    packages = [*engine.packages, *_COMMON]
    folder.parent.mkdir(exist_ok=True)
    with exclusive(folder.with_name(f"{engine.packages[0]}.lock")):
        if not ready.exists() or ready.read_text().split() != packages:
            uv = str(Path(sys.executable).with_name("uv"))
            said([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
            said([uv, "pip", "install", "--quiet", "--python", str(python), *packages])
            ready.write_text("\n".join(packages))
    return python
