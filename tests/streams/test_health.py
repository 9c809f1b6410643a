"""The small server for scrapers, beside somebody who wants to keep all of it."""

import socket
import threading
import time
from contextlib import ExitStack
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from core.errors import ConfigurationError
from streams import health
from streams.health import CONNECTIONS_MAX, serve_health

PATIENCE_SECONDS = 20
#: Connections that the server has not taken yet.
AHEAD = CONNECTIONS_MAX // 2
SLOW = b"GET /metrics HTTP/1.1\r\nX: "


def answer(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, bytes]:
    try:
        with urlopen(f"http://{host}:{port}{path}", timeout=5) as found:
            return found.status, found.read()
    except HTTPError as error:
        return error.code, error.read()


@pytest.fixture
def port() -> int:
    return serve_health("127.0.0.1", 0, lambda: False)


def connected(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=5)
    client.sendall(SLOW)
    return client


def is_cut(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def test_it_answers_at_its_address_alone(port: int) -> None:
    assert answer(port, "/health/live") == (200, b"ok\n")
    assert answer(port, "/health/ready") == (503, b"not ready\n")
    assert b"# HELP" in answer(port, "/metrics")[1]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=1)


def test_a_start_is_over_when_all_was_there_once() -> None:
    ready, obstacles = False, ["Kafka is away."]
    port = serve_health("127.0.0.1", 0, lambda: ready, lambda: obstacles)
    assert answer(port, "/health/startup") == answer(port, "/health/ready") == (503, b"Kafka is away.\n")
    ready, obstacles = True, []
    assert answer(port, "/health/startup") == answer(port, "/health/ready") == (200, b"ok\n")
    obstacles = ["Partition 3 stands still."]
    assert answer(port, "/health/ready") == (503, b"Partition 3 stands still.\n")
    assert answer(port, "/health/startup") == answer(port, "/health/live") == (200, b"ok\n")
    assert answer(port, "/health/other")[0] == 404


def test_a_start_that_is_over_is_noted_though_nobody_asks() -> None:
    obstacles: list[str] = []
    looks = 0

    def ready() -> bool:
        nonlocal looks
        looks += 1
        return True

    port = serve_health("127.0.0.1", 0, ready, lambda: obstacles)
    until = time.monotonic() + PATIENCE_SECONDS
    while not looks and time.monotonic() < until:
        time.sleep(0.05)
    obstacles.append("Kafka is away.")
    assert answer(port, "/health/ready") == (503, b"Kafka is away.\n")
    assert answer(port, "/health/startup") == (200, b"ok\n")


def test_whoever_opens_many_connections_keeps_nobody_out_and_starts_few_threads(port: int) -> None:
    before = threading.active_count()
    with ExitStack() as opened:
        clients: list[socket.socket] = []
        for number in range(8 * CONNECTIONS_MAX):
            clients.append(opened.enter_context(connected(port)))
            # More than the system keeps for the server until it takes them would be tried again after a second.
            if number >= AHEAD + CONNECTIONS_MAX:
                assert is_cut(clients[number - AHEAD - CONNECTIONS_MAX])
        began = time.monotonic()
        assert answer(port, "/health/live") == (200, b"ok\n")
        assert time.monotonic() - began < 2
        assert all(is_cut(client) for client in clients[: 6 * CONNECTIONS_MAX])
        assert threading.active_count() - before <= 2 * CONNECTIONS_MAX + 2  # one each, and of those just cut


def test_whoever_sends_a_byte_now_and_then_is_cut_all_the_same(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "DEADLINE_SECONDS", 0.5)
    with connected(port) as client:
        began = time.monotonic()
        client.settimeout(0.05)
        while time.monotonic() - began < 10:
            try:
                client.sendall(b"a")
                if client.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert 0.3 < time.monotonic() - began < 5


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_cannot_be_used_is_refused_with_what_to_do(port: int, host: str) -> None:
    with pytest.raises(ConfigurationError, match="SPENDGATE_METRICS_PORT"):
        serve_health(host, port, lambda: True)


def test_an_address_of_ipv6_is_served_too() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        port = serve_health("::1", 0, lambda: True)
    except ConfigurationError:
        pytest.skip("this machine has no IPv6")
    assert answer(port, "/health/ready", "[::1]") == (200, b"ok\n")
