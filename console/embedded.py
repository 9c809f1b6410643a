"""The embedded Kafka and PostgreSQL as services that `up` keeps alive, at the address that they had first."""

from collections.abc import Callable
from typing import Generic, TypeVar

from console.local.child import last_line
from console.local.kafka import LocalKafka
from console.local.postgres import LocalPostgres

__all__ = ["Embedded"]

_Server = TypeVar("_Server", LocalKafka, LocalPostgres)


class Embedded(Generic[_Server]):
    """`make` takes a port; its `start` returns when the server answers."""

    def __init__(self, name: str, make: Callable[[int], _Server], port: int) -> None:
        self.name = name
        self._make: Callable[[int], _Server] = make
        self.server: _Server = make(port)
        self._has_address = False

    def start(self) -> None:
        """After a death the clients know the port, so it has to be the same."""
        if self._has_address:
            self.server.kill()
            self.server = self._make(self.server.port)
        self.server.start()
        self._has_address = True

    def exit_code(self) -> int | None:
        return self.server.process.poll() if self.server.process else None

    def last_words(self) -> str:
        return last_line(self.server.log.read_text(errors="replace")[-4000:]) if self.server.log.exists() else ""

    def is_ready(self) -> bool:
        return True

    def tend(self) -> None:
        """Both bound their logs themselves."""

    def ask_to_stop(self) -> None:
        """Only when nobody needs it any more, in `stop`."""

    def stop(self) -> None:
        self.server.stop()
