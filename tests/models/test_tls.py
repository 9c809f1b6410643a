"""PostgreSQL over TLS with `sslmode=verify-full`. The embedded server is built without TLS, so a proxy ends it."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import trustme
from psycopg2.extensions import make_dsn, parse_dsn
from sqlalchemy import text

from local.ports import HOST
from models.connection import connect
from models.errors import ModelError
from models.migrations import migrate
from models.notifications import listening
from models.session import engine_of, session_scope

_SSL_REQUEST: Final = (8).to_bytes(4) + (80877103).to_bytes(4)
PATIENCE_SECONDS: Final = 30


class TlsProxy:
    """Answers the request for TLS as a server does, and passes on to one that has none."""

    def __init__(self, authority: trustme.CA, target: tuple[str, int]) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(HOST).configure_cert(self._context)
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.port = 0
        #: Connections that were under TLS.
        self.served = 0

    def start(self) -> None:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._accept, HOST, 0), self._loop)
        self._server = started.result(PATIENCE_SECONDS)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(PATIENCE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client did not like what it was shown, or has gone
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(8) != _SSL_REQUEST:
            return
        writer.write(b"S")
        await writer.start_tls(self._context)
        self.served += 1
        theirs, ours = await asyncio.open_connection(*self._target)
        try:
            both = [asyncio.create_task(_pass_on(reader, ours)), asyncio.create_task(_pass_on(theirs, writer))]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        finally:
            ours.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def proxy(authority: trustme.CA, database_url: str) -> Iterator[TlsProxy]:
    made = TlsProxy(authority, (HOST, int(parse_dsn(database_url)["port"])))
    made.start()
    yield made
    made.stop()


def url_through(proxy: TlsProxy, database_url: str, authority: trustme.CA, folder: Path, **more: str) -> str:
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(file)
    options = {"port": proxy.port, "sslmode": "verify-full", "sslrootcert": str(file), **more}
    return make_dsn(database_url, **options)


async def test_everything_goes_over_tls_when_the_authority_vouches_for_the_server(
    proxy: TlsProxy, database_url: str, authority: trustme.CA, tmp_path: Path
) -> None:
    url = url_through(proxy, database_url, authority, tmp_path)

    def used() -> None:
        migrate.upgrade(url)
        with session_scope(url) as session:
            assert session.scalar(text("SELECT 1")) == 1
        engine_of(url).dispose()
        connect(url).close()

    await asyncio.to_thread(used)
    async with listening(url, "any"):
        pass
    assert proxy.served >= 3


def test_a_server_for_which_nobody_vouches_is_refused_in_one_sentence(
    proxy: TlsProxy, database_url: str, tmp_path: Path
) -> None:
    url = url_through(proxy, database_url, trustme.CA(), tmp_path)
    with pytest.raises(ModelError, match="certificate verify failed"), session_scope(url) as session:
        session.scalar(text("SELECT 1"))


def test_a_server_with_the_certificate_of_another_name_is_refused(
    proxy: TlsProxy, database_url: str, authority: trustme.CA, tmp_path: Path
) -> None:
    url = url_through(proxy, database_url, authority, tmp_path, host="localhost", hostaddr=HOST)
    with pytest.raises(ModelError, match="localhost"), session_scope(url) as session:
        session.scalar(text("SELECT 1"))


def test_a_server_without_tls_is_refused(database_url: str) -> None:
    url = make_dsn(database_url, sslmode="verify-full", sslrootcert="system")
    with pytest.raises(ModelError, match="SSL"), session_scope(url) as session:
        session.scalar(text("SELECT 1"))
