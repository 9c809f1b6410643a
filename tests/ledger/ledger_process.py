"""`spendgate ledger` as a process that tests start, stop and kill, in a role of its own in PostgreSQL."""

import asyncio
import os
import re
import signal
from pathlib import Path

from local.ports import choose_port
from models.privileges import DatabaseRole
from streams.settings import Settings
from tests.database_roles import as_role
from tests.forks import ROOT, Fork
from tests.health import is_ready, readiness
from tests.ledger.conftest import PATIENCE_SECONDS


class LedgerProcess:
    command = "ledger"

    def __init__(self, settings: Settings, log: Path) -> None:
        self.log = log
        self.port = choose_port(0, "test")
        with log.open("ab") as out:
            environment = _environment(as_role(settings, DatabaseRole(self.command)))
            environment |= {"SPENDGATE_METRICS_PORT": str(self.port), "SPENDGATE_HTTP_PORT": str(self.port)}
            self._process = Fork([self.command], environment, ROOT, out)

    async def until_ready(self, wanted: bool = True) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await asyncio.to_thread(is_ready, self.port) is not wanted:
                self.check_alive()
                await asyncio.sleep(0.05)

    async def until_it_says(self, pattern: str) -> None:
        """Its health says why it is not ready."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not re.search(pattern, (await asyncio.to_thread(readiness, self.port))[1]):
                self.check_alive()
                await asyncio.sleep(0.05)

    def check_alive(self) -> None:
        assert self._process.poll() is None, self.log.read_text()

    def terminate(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE_SECONDS)

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9; without effect on one that has ended."""
        self._process.kill()
        self._process.wait()


def _environment(settings: Settings) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SPENDGATE_")}
    return {
        **inherited,
        "SPENDGATE_BROKERS": settings.brokers,
        "SPENDGATE_DATABASE_URL": settings.database,
        "SPENDGATE_TOPIC_PREFIX": settings.topic_prefix,
        "SPENDGATE_PARTITIONS": str(settings.partitions),
        "SPENDGATE_TIMESTAMPS": settings.timestamps,
        "SPENDGATE_NOTIFY_PRIVATE_ADDRESSES": str(settings.notify_private_addresses),
        "PYTHONUNBUFFERED": "1",
    }
