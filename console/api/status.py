"""`/api/v1/status`: lag, assignment, last decision."""

import asyncio
import time
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from console.access.rights import Viewer
from console.api import schemas
from console.api.openapi import documented
from console.server.paging import json_answer
from console.server.services import Served
from core.errors import Unreachable
from operations.dead_letters.count import DeadLetterCount
from operations.status import read_status
from streams.settings import Settings

__all__ = ["StatusCache", "router"]

router = APIRouter(prefix="/api/v1/status", tags=["operation"])

#: How long an answer is reused: the status reads several topics.
_GOOD_FOR_SECONDS: Final = 2.0
_PATIENCE_SECONDS: Final = 20.0


class StatusCache:
    """The last status, shared by concurrent requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._counter = DeadLetterCount(settings)
        self._cached: asyncio.Task[dict[str, Any]] | None = None
        self._until = 0.0

    async def status(self) -> dict[str, Any]:
        if self._cached is None or (self._cached.done() and self._until < time.monotonic()):
            self._cached = asyncio.create_task(self._read())
        return await asyncio.shield(self._cached)

    async def _read(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                status = await read_status(self._settings, self._counter)
        except TimeoutError as error:
            raise Unreachable(f"The broker at {self._settings.brokers} has not answered in time.") from error
        self._until = time.monotonic() + _GOOD_FOR_SECONDS
        return status


@router.get("", **documented(schemas.Status))
async def show(request: Request, _: Viewer, services: Served) -> Response:
    """Workers and ledgers, how far behind they are, last tick and decision, dead letters."""
    services.need_broker_and_database()
    cache: StatusCache = request.app.state.status
    return json_answer(await cache.status())
