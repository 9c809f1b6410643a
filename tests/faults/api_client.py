"""A client of the API that sends again what was not answered, and knows what it has spent and switched."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from http import HTTPStatus
from itertools import pairwise
from random import Random
from typing import Any, Final

import httpx

__all__ = ["CAMPAIGN", "ApiClient"]

PATIENCE_SECONDS: Final = 240
#: Between two attempts.
PAUSE_SECONDS: Final = 0.1
#: So many spends, then an edit.
SPENDS: Final = 5
BRAND: Final = "web"
CAMPAIGN: Final = "web.1"
MICROS: Final = 1_000_000


class ApiClient:
    """Spends and edits one after the other, each until it is answered well."""

    def __init__(self, address: str, token: str, seed: int) -> None:
        self.micros = 0
        self.switches = 0
        self.spends = 0
        #: Attempts that were not answered, or not well.
        self.failures = 0
        self._random = Random(seed)
        self._http = httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}, timeout=10)
        self._ended = False

    @asynccontextmanager
    async def running(self, commands: Sequence[Any]) -> AsyncIterator[asyncio.Task[None]]:
        """It sends meanwhile. `commands` are those of its campaign, as they come."""
        sending = asyncio.create_task(self._send_all(commands))
        try:
            yield sending
            self._ended = True
            await sending
        finally:
            sending.cancel()

    async def _send_all(self, commands: Sequence[Any]) -> None:
        await self._send("POST", "brands", {"brand_id": BRAND, "currency": "USD", "time_zone": "UTC"})
        await self._send("POST", "campaigns", {"brand_id": BRAND, "campaign_id": CAMPAIGN})
        async with asyncio.timeout(PATIENCE_SECONDS):  # spend of a brand that the worker does not know is a dead letter
            await _until(lambda: len(commands) > 0)
        while not self._ended:
            for _ in range(SPENDS):
                await self._spend()
            await self._switch()

    async def check(self, commands: Sequence[Any]) -> None:
        """What is switched comes in force, and then a command has the total. Not each edit has a command: of those that
        come while no document can be sent, the catalog gets the last one alone, and a resume that is still pending is
        dropped by a pause."""
        async with aclosing(self._http), asyncio.timeout(PATIENCE_SECONDS):
            while True:
                # A resume comes after all spend before it, and the pause after that has its total, unless both are
                # commands of earlier edits, which are still on their way.
                if self.switches % 2 == 1:
                    await self._switch()
                await _until(lambda: commands[-1]["action"] == "resume")
                await self._switch()
                await _until(lambda: commands[-1]["action"] == "pause")
                if Decimal(commands[-1]["campaign"]["total_spent"]) * MICROS == self.micros:
                    break
        switched = [it["action"] for it in commands]
        assert len(switched) <= 1 + self.switches
        assert all(before != after for before, after in pairwise(switched))

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


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)
