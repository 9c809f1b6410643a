"""The API is killed again and again under traffic. A client sends again what was not answered: each spend that it was
told of is counted once, and each edit is in force, as a model says that shares no code with the product.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from local.ports import HOST, choose_port
from operations.accounts.accounts import create_token
from tests.commands import EXECUTABLE
from tests.faults.api_client import CAMPAIGN, ApiClient
from tests.faults.runs import SEED
from tests.faults.world import World

KILLS: Final = max(3, int(os.environ.get("SPENDGATE_FAULTS") or 0) // 20)
BETWEEN_KILLS: Final = 20
PATIENCE_SECONDS: Final = 240

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(900),
]


async def test_an_api_that_is_killed_loses_and_doubles_nothing_that_it_has_acknowledged(
    topic_prefix: str, tmp_path: Path
) -> None:
    world = World(tmp_path, topic_prefix)
    async with world.running():
        _, token = create_token(world.settings.database, "web", "operator", 1, actor="ann")
        port = choose_port(0, "test")
        client = ApiClient(f"http://{HOST}:{port}", token, SEED)
        traffic = world.traffic(seed=SEED)
        try:
            await traffic.start()
            silence = await traffic.during(_kill(world, port, client, traffic.commands.of[CAMPAIGN]))
            await client.check(traffic.commands.of[CAMPAIGN])
            counted = await world.count(traffic, {CAMPAIGN: client.micros})
        finally:
            traffic.close()
    print(
        f"\n{KILLS} kills of the API: nothing decided for {silence:.1f} s; through it {client.spends} spends and "
        f"{client.switches} edits, {client.failures} attempts failed; {counted} (seed {SEED})"
    )


async def _kill(world: World, port: int, client: ApiClient, commands: Sequence[Any]) -> None:
    world.begin("scheduler", [str(EXECUTABLE), "scheduler"])  # its relay publishes what a killed API has only stored
    api = world.begin("api", [str(EXECUTABLE), "api"], SPENDGATE_HTTP_PORT=str(port))
    async with client.running(commands) as sending:
        for _ in range(KILLS):
            wanted = client.spends + BETWEEN_KILLS
            await _until(lambda it=wanted: client.spends >= it or sending.done())  # type: ignore[misc]
            api.kill()
            api.start()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)
