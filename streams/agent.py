"""The one agent: hands each chunk to the table, which decides. No rule about money lives here."""

import asyncio

from faust.types import StreamT

from streams.batching import Chunk
from streams.fatal import or_end_process
from streams.table import ControllerTable

__all__ = ["control"]


async def control(table: ControllerTable, stream: StreamT[Chunk]) -> None:
    """Never returns and never raises: Faust would count what it was given as done."""
    await or_end_process(_control(table, stream))


async def _control(table: ControllerTable, stream: StreamT[Chunk]) -> None:
    async for chunk in stream.noack():
        table.receive(chunk)
        # A full buffer is handed over without a pause; flushes need their turn.
        await asyncio.sleep(0)
