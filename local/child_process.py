"""A process of Spendgate as a child of `up`: settings by its environment, log in a bounded file, health by HTTP."""

import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local.child import last_line, start_child, stop, stop_orphans
from local.ports import HOST, choose_port
from local.service_errors import PortBusy
from streams.kafka.options import entry_environment
from streams.settings import Settings

__all__ = ["ChildProcess", "child_environment", "preferred_or_free_port", "stop_orphaned_children"]

STOP_SECONDS: Final = 20
ORPHAN_STOP_SECONDS: Final = 5
LOG_BYTES: Final = 8_000_000
TAIL_BYTES: Final = 4_000
#: The working directory of the children, below the data folder; orphans are found by it.
FOLDER: Final = "processes"


class ChildProcess:
    """The process `spendgate NAME`. Its port is chosen at each start, because another program may have taken it."""

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
        self._log_start = 0

    def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        self._folder.chmod(0o700)
        self.port = preferred_or_free_port(self._usual_port)
        self.rotate_log()
        self._log_start = _size(self._log)
        self._process = start_child(
            [sys.executable, "-m", "cli", self.name],
            folder=self._folder,
            log=self._log,
            # Each continues from what was committed, so it needs no time to end cleanly.
            death_signal=signal.SIGKILL,
            environment={**self._environment, self._port_setting: str(self.port)},
        )

    def cancel_start(self) -> None:
        """Nothing to do: a start takes milliseconds."""

    def exit_code(self) -> int | None:
        return self._process.poll() if self._process else None

    def last_log_line(self) -> str:
        with self._log.open("rb") as file:
            file.seek(max(self._log_start, _size(self._log) - TAIL_BYTES))
            return last_line(file.read().decode(errors="replace"))

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.port}/health/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def rotate_log(self) -> None:
        """Copy a log of more than LOG_BYTES to `.log.1` and truncate it; the child appends, so it goes on writing."""
        if _size(self._log) > LOG_BYTES:
            shutil.copy(self._log, self._log.with_suffix(".log.1"))
            os.truncate(self._log, 0)
            self._log_start = 0

    def request_stop(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, as in a crash."""
        if self._process:
            self._process.kill()

    def stop(self) -> None:
        if self._process:
            stop(self._process, signal.SIGTERM, timeout_seconds=STOP_SECONDS)
            self._process = None


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of this process, with the Kafka connection of `settings` in place of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SPENDGATE_KAFKA_")}
    return {**inherited, **entry_environment(settings)}


def stop_orphaned_children(data_dir: Path) -> None:
    """End processes of an `up` that was killed, on systems without a parent-death signal."""
    names = {Path(sys.executable).name, Path(sys.executable).resolve().name}
    stop_orphans(data_dir / FOLDER, names, signal.SIGTERM, timeout_seconds=ORPHAN_STOP_SECONDS)


def preferred_or_free_port(port: int) -> int:
    """The port where it is free, else any free one."""
    try:
        return choose_port(port, "spendgate")
    except PortBusy:
        return choose_port(0, "spendgate")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
