"""A small HTTP server for /metrics and /health/*, with a bounded number of threads of bounded lifetime."""

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from socketserver import ThreadingMixIn
from threading import Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from core.errors import ConfigurationError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

__all__ = ["serve_health"]

#: With more connections the oldest is closed, so that a client which opens many keeps no scraper out.
CONNECTIONS_MAX: Final = 16
#: The longest time from the connection to the last byte of the answer.
DEADLINE_SECONDS: Final = 10.0


#: Of /health/: the process answers; it does its work now; it was ready once, whatever is in its way now.
_CHECKS: Final = frozenset({"live", "ready", "startup"})


class _Readiness:
    """Whether a process does its work now, and whether it ever did."""

    def __init__(self, ready: Callable[[], bool], obstacles: Callable[[], Iterable[str]]) -> None:
        self.has_started = False
        self._ready = ready
        self._obstacles = obstacles

    def look(self) -> tuple[bool, list[str]]:
        """Whether it does now, and sentences on why not."""
        sentences = list(self._obstacles())
        is_ready = self._ready() and not sentences
        self.has_started = self.has_started or is_ready
        return is_ready, sentences

    def note(self) -> None:
        """Look as long as the start lasts, whoever asks or not."""
        if not self.has_started:
            with suppress(RuntimeError):  # what it looks at has changed meanwhile
                self.look()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = CONNECTIONS_MAX
    readiness: _Readiness

    def __init__(self, *arguments: Any) -> None:
        self._open: dict[socket.socket, float] = {}  # when each is cut, the oldest first
        self._lock = Lock()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            if len(self._open) >= CONNECTIONS_MAX:
                self._cut_oldest()
            self._open[request] = monotonic() + DEADLINE_SECONDS
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Close overdue connections, and note the end of a start; `serve_forever` calls this after each connection, and
        twice a second."""
        self.readiness.note()
        with self._lock:
            while self._open and next(iter(self._open.values())) <= monotonic():
                self._cut_oldest()

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def _cut_oldest(self) -> None:
        """Shut the oldest connection down; its thread then fails to read or write, and closes it."""
        oldest = next(iter(self._open))
        del self._open[oldest]
        with suppress(OSError):
            oldest.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing of a scraper that disconnected or was cut off."""


class _ServerOfIPv6(_Server):
    address_family = socket.AF_INET6


class _SilentHandler(WSGIRequestHandler):
    timeout = DEADLINE_SECONDS

    def log_message(self, format: str, *args: object) -> None:
        """Log no scrapes."""


def serve_health(
    host: str, port: int, ready: Callable[[], bool], obstacles: Callable[[], Iterable[str]] = tuple
) -> int:
    """Serve on one address; port 0 is any free one. Returns the port. Raises ConfigurationError where it cannot be
    used. `obstacles` gives sentences on why the process is not ready."""
    metrics = make_wsgi_app()
    readiness = _Readiness(ready, obstacles)

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith("/health/"):
            return cast(Iterable[bytes], metrics(environ, start_response))
        asked = environ["PATH_INFO"].removeprefix("/health/")
        if asked not in _CHECKS:
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"there are {', '.join(sorted(_CHECKS))}\n".encode()]
        is_ready, sentences = (True, []) if asked == "live" else readiness.look()
        fine = readiness.has_started if asked == "startup" else is_ready
        start_response("200 OK" if fine else "503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"ok\n"] if fine else [f"{line}\n".encode() for line in sentences or ["not ready"]]

    kind = _ServerOfIPv6 if ":" in host else _Server
    try:
        server = make_server(host, port, app, server_class=kind, handler_class=_SilentHandler)
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} of {host} cannot be used ({error.strerror}): set SPENDGATE_METRICS_PORT to a free one, "
            "and SPENDGATE_METRICS_HOST to an address of this machine."
        ) from error
    server.readiness = readiness
    Thread(target=server.serve_forever, name="health", daemon=True).start()
    return int(server.server_port)
