"""`spendgate worker`, or another command line, as a process that tests start, kill, freeze and wake."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from streams.kafka.options import entry_environment
from streams.settings import Settings
from tests.commands import EXECUTABLE
from tests.forks import Fork

READY_SECONDS = 120


class WorkerProcess:
    """Its output is in `log`; a process that is still there is killed by `kill`. The command may be that of a worker
    with a defect: the path of `NAME_worker.py` and its arguments."""

    def __init__(self, settings: Settings, log: Path, command: Sequence[str] = (), **environment: str) -> None:
        self.log = log
        self._command = command or [str(EXECUTABLE), "worker"]
        self._environment = {**_environment(settings), **environment}
        self._process: subprocess.Popen[bytes] | Fork | None = None
        self._log_from = 0

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process else 0

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def output(self) -> str:
        """What the present process has said."""
        return self.log.read_bytes()[self._log_from :].decode(errors="replace")

    @property
    def peak_bytes(self) -> int:
        """The most memory that it had at once."""
        assert self._process
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def start(self) -> None:
        self._log_from = self.log.stat().st_size if self.log.exists() else 0
        program, *arguments = self._command
        with self.log.open("ab") as out:
            if program == str(EXECUTABLE) or program.endswith("_worker.py"):
                of_fork = arguments if program == str(EXECUTABLE) else self._command
                self._process = Fork(of_fork, self._environment, self.log.parent, out)
                return
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.log.parent,
            )

    async def ready(self) -> None:
        """Owns partitions."""
        async with asyncio.timeout(READY_SECONDS):
            while "partitions_owned" not in self.output:
                self.check_alive()
                await asyncio.sleep(0.02)

    async def started(self) -> "WorkerProcess":
        self.start()
        await self.ready()
        return self

    def check_alive(self) -> None:
        assert self.exit_code is None, f"the worker ended with {self.exit_code}:\n{self.output[-4000:]}"

    def freeze(self) -> None:
        self._send(signal.SIGSTOP)

    def wake(self) -> None:
        self._send(signal.SIGCONT)

    async def stop(self) -> int:
        """SIGTERM and the exit code."""
        self._send(signal.SIGTERM)
        return await self.ended()

    async def ended(self, patience_seconds: float = 30) -> int:
        assert self._process
        return await asyncio.to_thread(self._process.wait, patience_seconds)

    def kill(self) -> None:
        """kill -9; without effect on one that has ended."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _send(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)


def _environment(settings: Settings) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SPENDGATE_")}
    return {
        **inherited,
        **entry_environment(settings),
        "SPENDGATE_TOPIC_PREFIX": settings.topic_prefix,
        "SPENDGATE_PARTITIONS": str(settings.partitions),
        "SPENDGATE_TIMESTAMPS": settings.timestamps,
        "SPENDGATE_FLUSH_INTERVAL_SECONDS": str(settings.flush_interval_seconds),
        "SPENDGATE_DUPLICATE_WINDOW": str(settings.duplicate_window),
        "SPENDGATE_METRICS_PORT": "0",
        "PYTHONUNBUFFERED": "1",
    }
