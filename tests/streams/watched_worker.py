"""A worker as those see it who ask for its health and metrics."""

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from streams.settings import Settings
from tests.streams.worker_process import WorkerProcess


class WatchedWorker:
    """A worker whose health and metrics can be asked for."""

    def __init__(self, settings: Settings, log: Path, command: Sequence[str] = ()) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.process = WorkerProcess(settings, log, command, SPENDGATE_METRICS_PORT=str(self._port))

    async def get(self, path: str) -> tuple[int, str]:
        return await asyncio.to_thread(self._get, path)

    def _get(self, path: str) -> tuple[int, str]:
        try:
            with urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    async def ready(self) -> None:
        """Nothing is in its way."""
        async with asyncio.timeout(60):
            while (await self.get("/health/ready"))[0] != 200:
                self.process.check_alive()
                await asyncio.sleep(0.1)

    async def stopped(self, *facts: str) -> None:
        """It says in its health what is in the way."""
        async with asyncio.timeout(60):
            while True:
                self.process.check_alive()
                status, body = await self.get("/health/ready")
                if status == 503 and all(fact in body for fact in facts):
                    break
                await asyncio.sleep(0.1)
        assert "partition_stopped" in self.process.output
        assert "spendgate_partition_stopped{" in (await self.get("/metrics"))[1]
