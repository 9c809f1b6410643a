"""Of many requests that come at once one begins in each round of the event loop; health does not wait for them."""

import asyncio

from starlette.types import Message, Receive, Scope, Send

from console.server.middleware import Middleware

REQUESTS = 300


async def test_a_question_for_health_waits_for_few_of_the_requests_that_came_before_it() -> None:
    begun: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        begun.append(scope["path"])

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Message) -> None:
        """Nobody reads it."""

    middleware = Middleware(app)

    async def ask(path: str) -> None:
        await middleware({"type": "http", "method": "GET", "path": path, "headers": []}, receive, send)

    asked = [asyncio.create_task(ask(f"/live/{number}")) for number in range(REQUESTS)]
    asked.append(asyncio.create_task(ask("/health/live")))
    await asyncio.gather(*asked)
    assert begun.index("/health/live") < 5
    assert [it for it in begun if it != "/health/live"] == [f"/live/{number}" for number in range(REQUESTS)]
