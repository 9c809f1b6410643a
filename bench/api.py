"""What one core of the HTTP API answers: `python -m bench.api`, on a machine that does nothing else.

The server has one core to itself; Kafka, PostgreSQL and the worker share the other one with the load. Load comes from a
client of ours: keep-alive connections, each asking again as soon as it is answered.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from core.errors import SpendgateError
from operations.accounts.accounts import create_token
from operations.accounts.person import Role

BRAND: Final = "bench"
CAMPAIGNS: Final = 200
UP: Final = [sys.executable, "-m", "cli", "up", "--kafka-port", "0", "--postgres-port", "0", "--http-port", "0"]


class Figures(NamedTuple):
    requests_per_second: float
    p50_ms: float
    p99_ms: float


class Target(NamedTuple):
    """What is asked, how many connections ask, and what is promised."""

    name: str
    request: Callable[[int], bytes]
    connections: int
    least_per_second: int


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        up = subprocess.Popen([*UP, "--data-dir", folder], stdout=subprocess.PIPE, text=True)
        try:
            _until_ready(up)
            _measure(Path(folder), up.pid, options.seconds, options.runs)
        finally:
            up.terminate()
            up.wait()


def _until_ready(up: "subprocess.Popen[str]") -> None:
    assert up.stdout
    for line in up.stdout:
        if line.strip() == "ready":
            return
    sys.exit("up has ended before it was ready")


def _measure(folder: Path, up: int, seconds: float, runs: int) -> None:
    run = json.loads((folder / "run.json").read_text())
    _, token = create_token(run["database_url"], "bench", Role.OPERATOR, 1, actor="bench")
    host, _, port = run["http"].removeprefix("http://").rpartition(":")
    ask = _Asking(host, int(port), token)
    asyncio.run(ask.prepare())
    _pin(up)
    for target in _targets(ask):
        figures = [asyncio.run(ask.load(target, seconds)) for _ in range(runs)]
        middle = Figures(*(statistics.median(values) for values in zip(*figures, strict=True)))
        kept = middle.requests_per_second >= target.least_per_second and middle.p99_ms <= 100
        print(
            f"{target.name:<28} {middle.requests_per_second:8.0f}/s  p50 {middle.p50_ms:6.1f} ms  "
            f"p99 {middle.p99_ms:6.1f} ms  promised {target.least_per_second}/s: {'kept' if kept else 'BROKEN'}"
        )


def _pin(up: int) -> None:
    """The server to the first core, everything else to the second."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[1:] or cores)
    for process in psutil.Process(up).children(recursive=True):
        with suppress(psutil.NoSuchProcess, ProcessLookupError):  # some have only started another one
            is_api = process.cmdline()[-1:] == ["api"]
            for thread in process.threads():
                os.sched_setaffinity(thread.id, cores[:1] if is_api else cores[1:] or cores)


def _targets(ask: "_Asking") -> list[Target]:
    return [
        Target("one campaign", lambda n: ask.get(f"/campaigns/{BRAND}.{n % CAMPAIGNS}"), 16, 500),
        Target("a page of 50 campaigns", lambda n: ask.get("/campaigns?limit=50"), 8, 250),
        Target("spend, one event a request", lambda n: ask.post("/spend", _event(n)), 32, 1000),
    ]


def _event(number: int) -> dict[str, str]:
    campaign = f"{BRAND}.{number % CAMPAIGNS}"
    return {"event_id": f"{time.time_ns()}-{number}", "brand_id": BRAND, "campaign_id": campaign, "amount": "0.01"}


class _Asking:
    """HTTP/1.1 as bytes: a client that costs less than the server, so that it is the server that is measured."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._address = (host, port)
        self._head = f"Host: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"

    def get(self, path: str) -> bytes:
        return f"GET /api/v1{path} HTTP/1.1\r\n{self._head}\r\n".encode()

    def post(self, path: str, body: object) -> bytes:
        content = json.dumps(body).encode()
        head = f"{self._head}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        return f"POST /api/v1{path} HTTP/1.1\r\n{head}".encode() + content

    async def prepare(self) -> None:
        """A brand with campaigns that the controller holds."""
        reader, writer = await asyncio.open_connection(*self._address)
        await _answer(reader, writer, self.post("/brands", {"brand_id": BRAND, "currency": "USD"}))
        for number in range(CAMPAIGNS):
            new = {"campaign_id": f"{BRAND}.{number}", "brand_id": BRAND, "windows": ["mon-sat 06:00-22:00"]}
            await _answer(reader, writer, self.post("/campaigns", new))
        while b'"unknown"' in await _answer(reader, writer, self.get(f"/campaigns/{BRAND}.{CAMPAIGNS - 1}")):
            await asyncio.sleep(0.1)
        writer.close()

    async def load(self, target: Target, seconds: float) -> Figures:
        started_at = time.perf_counter()
        until = started_at + seconds
        lanes = await asyncio.gather(*(self._lane(target, lane, until) for lane in range(target.connections)))
        took = time.perf_counter() - started_at
        times = sorted(one for lane in lanes for one in lane)
        return Figures(len(times) / took, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000)

    async def _lane(self, target: Target, lane: int, until: float) -> list[float]:
        reader, writer = await asyncio.open_connection(*self._address)
        times: list[float] = []
        number = lane
        while (asked_at := time.perf_counter()) < until:
            await _answer(reader, writer, target.request(number))
            times.append(time.perf_counter() - asked_at)
            number += target.connections
        writer.close()
        return times


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
    body = await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 2"):
        raise SpendgateError(f"{head.decode()}{body.decode()}")
    return body


if __name__ == "__main__":
    main()
