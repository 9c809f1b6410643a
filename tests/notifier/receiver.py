"""A receiver of webhooks on a port of its own, which answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web
from standardwebhooks import Webhook

PATIENCE_SECONDS = 60

Answer = Callable[[web.Request], Awaitable[web.Response]]


class Received(NamedTuple):
    message_id: str
    headers: dict[str, str]
    body: str

    def verified(self, secret: str) -> Any:
        """The content, where the signature is right."""
        return Webhook(secret).verify(self.body, self.headers)


class Receiver:
    """`received` has what was answered 2xx, `refused` the ids of the rest."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.refused: list[str] = []
        self.status = 204
        self.headers: dict[str, str] = {}
        self.hangs = False
        self.asked = asyncio.Event()
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=hidden"

    @property
    def ids(self) -> list[str]:
        return [it.message_id for it in self.received]

    async def answer(self, request: web.Request) -> web.Response:
        one = Received(request.headers.get("webhook-id", ""), dict(request.headers), await request.text())
        self.asked.set()
        if self.hangs:
            await asyncio.Event().wait()
        if 200 <= self.status < 300:
            self.received.append(one)
        else:
            self.refused.append(one.message_id)
        return web.Response(status=self.status, headers=self.headers)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await asyncio.sleep(0.02)


@asynccontextmanager
async def open_receiver(port: int = 0) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        receiver.port = runner.addresses[0][1]
        yield receiver
    finally:
        await runner.cleanup()
