"""What one person may take of the console: `python -m bench.sharing`.

One viewer asks for 500 live pages at once, then for 12 lists of 100,000 dead letters at once, and for 12 searches that
find nothing, which read as many as a page may. Meanwhile another process asks for `/health/live`, over and over. Prints
JSON.
"""

import asyncio
import json
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import httpx

from bench.load import producer
from bench.machine import BROKER_CORE, WORKER_CORE, Process, broker, database, describe, topics, wait_until
from models.migrations import migrate
from operations.accounts.accounts import add_user, create_token
from operations.accounts.person import Role
from streams.kafka.topics import Topic
from streams.settings import Settings

STREAMS: Final = 500
LISTS: Final = 12
LETTERS: Final = 100_000
PASSWORD: Final = secrets.token_urlsafe()
#: Asks until its input ends, then prints the longest wait in seconds and how often it has asked.
PROBE: Final = """
import sys, threading, time, urllib.request
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
longest, asked = 0.0, 0
while not ended.is_set():
    began = time.monotonic()
    with urllib.request.urlopen(sys.argv[1] + "/health/live", timeout=60) as answer:
        assert answer.status == 200
    longest, asked = max(longest, time.monotonic() - began), asked + 1
    time.sleep(0.01)
print(longest, asked)
"""


def main() -> None:
    with broker() as kafka, database() as postgres:
        settings = topics(kafka, "sharing-", 4).replace(database_url=postgres.url)
        migrate.upgrade(postgres.url)
        _fill(settings)
        add_user(postgres.url, "ann", Role.VIEWER, PASSWORD, actor="bench")
        _, token = create_token(postgres.url, "ann", Role.VIEWER, 1, actor="bench")
        with Process("api", settings, WORKER_CORE) as api:
            wait_until(lambda: _is_ready(api.address), 120)
            results = {
                "machine": describe(),
                "idle": _beside(api, lambda: asyncio.sleep(5)),
                f"{STREAMS} streams": _beside(api, lambda: _streams(api.address)),
                f"{LISTS} lists of {LETTERS} letters": _beside(
                    api, lambda: _lists(api.address, token, "/api/v1/dead-letters")
                ),
                f"{LISTS} searches of {LETTERS} letters": _beside(
                    api, lambda: _lists(api.address, token, "/api/v1/dead-letters?reason=misplaced")
                ),
            }
    print(json.dumps(results, indent=2))


def _beside(api: Process, work: Callable[[], Awaitable[Any]]) -> dict[str, object]:
    before = api.resident_mib()
    command = ["taskset", "-c", str(BROKER_CORE), sys.executable, "-c", PROBE, api.address]
    probe = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    began = time.monotonic()
    answers = asyncio.run(_awaited(work))
    seconds = time.monotonic() - began
    longest, asked = probe.communicate()[0].split()
    return {
        "answers": answers,
        "seconds": round(seconds, 1),
        "longest wait for /health/live, ms": round(float(longest) * 1000),
        "asked for it": int(asked),
        "resident MiB before, after": [round(before), round(api.resident_mib())],
        "peak MiB": round(api.peak_mib()),
    }


async def _awaited(work: Callable[[], Awaitable[Any]]) -> Any:
    return await work()


async def _streams(url: str) -> dict[int, int]:
    """Hold as many as one gets, from 25 sessions, for some seconds."""
    limits = httpx.Limits(max_connections=None)
    async with AsyncExitStack() as opened:
        clients = [
            await opened.enter_async_context(httpx.AsyncClient(base_url=url, timeout=60, limits=limits))
            for _ in range(4)
        ]
        for client in clients:
            await client.post("/sign-in", data={"name": "ann", "password": PASSWORD})

        async def follow(client: httpx.AsyncClient) -> int:
            answer = await opened.enter_async_context(client.stream("GET", "/live/brands"))
            return answer.status_code

        codes = await asyncio.gather(*(follow(clients[number % len(clients)]) for number in range(STREAMS)))
        await asyncio.sleep(5)
        return dict(Counter(codes))


async def _lists(url: str, token: str, path: str) -> dict[int, int]:
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, timeout=120, headers=headers) as client:
        answers = await asyncio.gather(*(client.get(path) for _ in range(LISTS)))
        return dict(Counter(answer.status_code for answer in answers))


def _fill(settings: Settings) -> None:
    sender = producer(settings, linger_ms=20)
    topic = settings.topic(Topic.DEAD_LETTERS)
    headers = [("__streams.errors.exception", b"not_json"), ("spendgate-reason", b"not_json")]
    for number in range(LETTERS):
        sender.produce(topic, b"v" * 300, b"nike", number % settings.partitions, headers=headers)
        if number % 1000 == 0:
            sender.poll(0)
    assert sender.flush(120) == 0


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    main()
