"""`/api/v1/status`: what the installation does now."""

import asyncio
import time
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from console.access.rights import Viewer
from console.api import schemas
from console.api.openapi import told
from console.api.pages import json_answer
from console.api.services import Served
from console.operations.status import read_status
from streams.errors import Unreachable
from streams.settings import Settings

__all__ = ["StatusLook", "router"]

router = APIRouter(prefix="/api/v1/status", tags=["operation"])

#: It reads several topics; however many ask, it is read no more often than that.
_GOOD_FOR_SECONDS: Final = 2.0
_PATIENCE_SECONDS: Final = 20.0


class StatusLook:
    """One look for all that ask at the same time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._look: asyncio.Task[dict[str, Any]] | None = None
        self._until = 0.0

    async def status(self) -> dict[str, Any]:
        if self._look is None or (self._look.done() and self._until < time.monotonic()):
            self._look = asyncio.create_task(self._read())
        return await asyncio.shield(self._look)

    async def _read(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                status = await read_status(self._settings)
        except TimeoutError as error:
            raise Unreachable(f"The broker at {self._settings.brokers} has not answered in time.") from error
        self._until = time.monotonic() + _GOOD_FOR_SECONDS
        return status


@router.get("", **told(schemas.Status))
async def show(request: Request, _: Viewer, services: Served) -> Response:
    """Workers and ledgers, how far behind they are, last tick and decision, dead letters."""
    services.need_broker_and_database()
    look: StatusLook = request.app.state.status
    return json_answer(await look.status())
