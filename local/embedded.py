"""The embedded Kafka and PostgreSQL as supervised services, which keep the port of their first start."""

import shutil
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from local.child import last_line
from local.kafka import LocalKafka
from local.postgres import LocalPostgres

__all__ = ["Embedded"]

_Server = TypeVar("_Server", LocalKafka, LocalPostgres)


#: Neither server can write with less.
_MIN_FREE_BYTES: Final = 1024 * 1024


class Embedded(Generic[_Server]):
    """A supervised server. `make` creates one for a port; its `start` returns when the server answers."""

    def __init__(self, name: str, make: Callable[[int], _Server], port: int) -> None:
        self.name = name
        self._make: Callable[[int], _Server] = make
        self.server: _Server = make(port)
        self._was_started = False

    def start(self) -> None:
        """A restart uses the port of the first start, because clients know it."""
        if self._was_started:
            self.server.kill()
            self.server = self._make(self.server.port)
        self.server.start()
        self._was_started = True

    def cancel_start(self) -> None:
        """End the process, upon which its start fails."""
        if process := self.server.process:
            process.terminate()

    def exit_code(self) -> int | None:
        return self.server.process.poll() if self.server.process else None

    def last_log_line(self) -> str:
        if shutil.disk_usage(self.server.folder).free < _MIN_FREE_BYTES:
            return f"the disk of {self.server.folder} is full: free some space"  # it could not write even this
        return last_line(self.server.log.read_text(errors="replace")[-4000:]) if self.server.log.exists() else ""

    def is_ready(self) -> bool:
        return True

    def rotate_log(self) -> None:
        """Nothing to do: both servers bound their logs."""

    def request_stop(self) -> None:
        """Nothing to do: the programs need it until `stop`."""

    def stop(self) -> None:
        self.server.stop()
