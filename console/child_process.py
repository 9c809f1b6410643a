"""One of our own processes as a child of `up`: settings by its environment, log in a bounded file, health by HTTP."""

import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from console.local.child import last_line, start_tied, stop, stop_leftovers
from console.local.errors import PortBusy
from console.local.ports import HOST, choose_port

__all__ = ["ChildProcess", "stop_leftover_children", "usual_or_any"]

STOP_SECONDS: Final = 20
LEFTOVER_SECONDS: Final = 5
LOG_BYTES: Final = 8_000_000
TAIL_BYTES: Final = 4_000
#: The folder in which our children work, below the data folder: it tells them from other Pythons.
FOLDER: Final = "processes"


class ChildProcess:
    """`spendgate NAME`. Its port is chosen at each start, because another program may have taken it in between."""

    def __init__(
        self, name: str, data_dir: Path, environment: Mapping[str, str], *, port_setting: str, port: int
    ) -> None:
        self.name = name
        self._folder = data_dir / FOLDER
        self._log = data_dir / "logs" / f"{name}.log"
        self._environment = environment
        self._port_setting = port_setting
        self._usual_port = port
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._said_before = 0

    def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        self.port = usual_or_any(self._usual_port)
        self.tend()
        self._said_before = _size(self._log)
        self._process = start_tied(
            [sys.executable, "-m", "console.cli", self.name],
            folder=self._folder,
            log=self._log,
            # All of them go on from what was committed, whenever they die: no need to hope for their help.
            death_signal=signal.SIGKILL,
            environment={**self._environment, self._port_setting: str(self.port)},
        )

    def exit_code(self) -> int | None:
        return self._process.poll() if self._process else None

    def last_words(self) -> str:
        with self._log.open("rb") as file:
            file.seek(max(self._said_before, _size(self._log) - TAIL_BYTES))
            return last_line(file.read().decode(errors="replace"))

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.port}/health/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def tend(self) -> None:
        """The child appends, so that its file can be emptied under it."""
        if _size(self._log) > LOG_BYTES:
            shutil.copyfile(self._log, self._log.with_suffix(".log.1"))
            os.truncate(self._log, 0)
            self._said_before = 0

    def ask_to_stop(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9, as a crash would."""
        if self._process:
            self._process.kill()

    def stop(self) -> None:
        if self._process:
            stop(self._process, signal.SIGTERM, patience_seconds=STOP_SECONDS)
            self._process = None


def stop_leftover_children(data_dir: Path) -> None:
    """Of an `up` that was killed where the kernel does not end children with their parent."""
    names = {Path(sys.executable).name, Path(sys.executable).resolve().name}
    stop_leftovers(data_dir / FOLDER, names, signal.SIGTERM, patience_seconds=LEFTOVER_SECONDS)


def usual_or_any(port: int) -> int:
    """The usual port where it is free, else any free one."""
    try:
        return choose_port(port, "spendgate")
    except PortBusy:
        return choose_port(0, "spendgate")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
