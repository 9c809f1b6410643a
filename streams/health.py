"""A small HTTP server for /metrics and /health/*, in a thread of its own."""

from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

__all__ = ["serve_health"]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """A scrape every few seconds is not worth a line."""


def serve_health(port: int, ready: Callable[[], bool]) -> int:
    """Serve on all interfaces, as scrapers expect; 0 means any free port. Returns the port."""
    metrics = make_wsgi_app()

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith("/health/"):
            return cast(Iterable[bytes], metrics(environ, start_response))
        fine = environ["PATH_INFO"] == "/health/live" or ready()
        start_response("200 OK" if fine else "503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"ok\n" if fine else b"not ready\n"]

    server = make_server("", port, app, server_class=_Server, handler_class=_SilentHandler)
    Thread(target=server.serve_forever, name="health", daemon=True).start()
    return int(server.server_port)
