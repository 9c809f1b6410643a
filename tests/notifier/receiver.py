"""A receiver of webhooks on a port of its own, which answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

PATIENCE_SECONDS = 60

Answer = Callable[[web.Request], Awaitable[web.Response]]


class Received(NamedTuple):
    message_id: str
    headers: dict[str, str]
    body: str

    def verified(self, secret: str) -> Any:
        """The content, where the signature is right."""
        return Webhook(secret).verify(self.body, self.headers)

    def is_verified_by(self, secret: str) -> bool:
        try:
            self.verified(secret)
        except WebhookVerificationError:
            return False
        return True


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
async def answering(answer: bytes, *, forever: bytes = b"") -> AsyncIterator[str]:
    """The address of a receiver that sends these bytes, and the others for ever."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            while forever:
                writer.write(forever)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hidden?token=hidden"


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
