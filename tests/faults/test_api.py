"""The API is killed again and again under traffic. A client sends again what was not answered: each spend that it was
told of is counted once, and each edit is in force, as a model says that shares no code with the product.
"""

import asyncio
import os
from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
import pytest

from local.ports import HOST, choose_port
from operations.accounts.accounts import create_token
from tests.commands import EXECUTABLE
from tests.faults.runs import SEED
from tests.faults.world import World

KILLS: Final = max(3, int(os.environ.get("SPENDGATE_FAULTS") or 0) // 20)
BETWEEN_KILLS: Final = 20
PATIENCE_SECONDS: Final = 240
#: Between two attempts.
PAUSE_SECONDS: Final = 0.1
#: So many spends, then an edit.
SPENDS: Final = 5
BRAND: Final = "web"
CAMPAIGN: Final = "web.1"
MICROS: Final = 1_000_000

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(900),
]


class Client:
    """Spends and edits one after the other, each until it is answered well, until `finish`."""

    def __init__(self, address: str, token: str) -> None:
        self.micros = 0
        self.switches = 0
        self.spends = 0
        #: Attempts that were not answered, or not well.
        self.failures = 0
        self._random = Random(SEED)
        self._http = httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}, timeout=10)
        self._ended = False

    async def run(self) -> None:
        async with self._http:
            await self._send("POST", "brands", {"brand_id": BRAND, "currency": "USD", "time_zone": "UTC"})
            await self._send("POST", "campaigns", {"brand_id": BRAND, "campaign_id": CAMPAIGN})
            while not self._ended:
                for _ in range(SPENDS):
                    await self._spend()
                await self._switch()
            # A resume comes after all spend before it, and the pause after that has its total.
            while self.switches % 2 == 0:
                await self._switch()
            await self._switch()
            await self._switch()

    def finish(self) -> None:
        self._ended = True

    async def _spend(self) -> None:
        micros = self._random.randint(1, 9 * MICROS)
        self.spends += 1
        amount = f"{micros // MICROS}.{micros % MICROS:06d}"
        event = {"event_id": f"w{self.spends}", "brand_id": BRAND, "campaign_id": CAMPAIGN, "amount": amount}
        await self._send("POST", "spend", event)
        self.micros += micros

    async def _switch(self) -> None:
        """Off, or on again."""
        await self._send("PATCH", f"campaigns/{CAMPAIGN}", {"enabled": self.switches % 2 == 1})
        self.switches += 1

    async def _send(self, method: str, path: str, body: dict[str, Any]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    answer = await self._http.request(method, f"/api/v1/{path}", json=body, headers={"if-match": "*"})
                    # What was not answered may have been done: what was to be added is there.
                    if answer.is_success or answer.status_code == HTTPStatus.CONFLICT:
                        return
                    assert answer.is_server_error, answer.text
                except httpx.TransportError:
                    pass
                self.failures += 1
                await asyncio.sleep(PAUSE_SECONDS)


async def test_an_api_that_is_killed_loses_and_doubles_nothing_that_it_has_acknowledged(
    topic_prefix: str, tmp_path: Path
) -> None:
    world = World(tmp_path, topic_prefix)
    async with world.running():
        _, token = create_token(world.settings.database, "web", "operator", 1, actor="ann")
        port = choose_port(0, "test")
        client = Client(f"http://{HOST}:{port}", token)
        traffic = world.traffic(seed=SEED)
        try:
            await traffic.start()
            silence = await traffic.during(_kill(world, port, client))
            commands = traffic.commands.of[CAMPAIGN]
            await _until(lambda: len(commands) == 1 + client.switches)
            assert commands[-1]["action"] == "pause"
            assert Decimal(commands[-1]["campaign"]["total_spent"]) * MICROS == client.micros
            counted = await world.count(traffic, {CAMPAIGN: client.micros})
        finally:
            traffic.close()
    print(
        f"\n{KILLS} kills of the API: nothing decided for {silence:.1f} s; through it {client.spends} spends and "
        f"{client.switches} edits, {client.failures} attempts failed; {counted} (seed {SEED})"
    )


async def _kill(world: World, port: int, client: Client) -> None:
    world.begin("scheduler", [str(EXECUTABLE), "scheduler"])  # its relay publishes what a killed API has only stored
    api = world.begin("api", [str(EXECUTABLE), "api"], SPENDGATE_HTTP_PORT=str(port))
    running = asyncio.create_task(client.run())
    for _ in range(KILLS):
        wanted = client.spends + BETWEEN_KILLS
        await _until(lambda it=wanted: client.spends >= it or running.done())  # type: ignore[misc]
        api.kill()
        api.start()
    client.finish()
    await running


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)
