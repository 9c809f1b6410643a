"""A way to a server that delays, stands still, cuts off in the middle of an answer, or resets."""

import asyncio
import socket
import struct
from contextlib import suppress
from enum import Enum
from threading import Thread
from typing import Final

from local.ports import HOST

__all__ = ["FaultyProxy", "Mode"]

_CHUNK_BYTES: Final = 65_536
#: What `Mode.DELAY` adds to each chunk.
_DELAY_SECONDS: Final = 0.3
_LOOK_SECONDS: Final = 0.02


class Mode(Enum):
    PASS = "pass"
    DELAY = "delay"
    STALL = "stall"  # connections stay open, nothing passes
    CUT = "cut"  # half of the next chunk of each connection passes, then it is closed
    RESET = "reset"  # each connection ends with RST at its next chunk


class FaultyProxy:
    """Takes connections at `port` and passes bytes to `target` in its `mode`, which any thread may set."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.mode = Mode.PASS
        self.passed_bytes = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._near: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    def open(self) -> None:
        self._thread.start()
        serving = asyncio.start_server(self._taken, HOST, self.port)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(10)

    def close(self) -> None:
        """End all connections, so that their tasks end by themselves."""

        async def end() -> None:
            self.mode = Mode.PASS
            assert self._server
            self._server.close()
            for writer in list(self._near):
                writer.transport.abort()
            while self._near:
                await asyncio.sleep(_LOOK_SECONDS)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader = far_writer = None
        self._near.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._target)
            ways = [self._pass(reader, far_writer), self._pass(far_reader, writer)]
            _, waiting = await asyncio.wait(map(asyncio.ensure_future, ways), return_when=asyncio.FIRST_COMPLETED)
            for way in waiting:
                way.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        except OSError:  # the server is away
            pass
        finally:
            for one in (writer, far_writer):
                if one is not None:
                    if self.mode is Mode.RESET:
                        _reset_at_close(one)
                    one.transport.abort()
            self._near.discard(writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Ends when either side has ended, or the mode ends the connection."""
        with suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                if self.mode is Mode.DELAY:
                    await asyncio.sleep(_DELAY_SECONDS)
                while self.mode is Mode.STALL:
                    await asyncio.sleep(_LOOK_SECONDS)
                if self.mode is Mode.RESET:
                    return
                if self.mode is Mode.CUT:
                    writer.write(data[: len(data) // 2])
                    await writer.drain()
                    return
                writer.write(data)
                self.passed_bytes += len(data)
                await writer.drain()


def _reset_at_close(writer: asyncio.StreamWriter) -> None:
    own: socket.socket = writer.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
