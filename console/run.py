"""`spendgate api`: uvicorn with the application."""

import asyncio
import gc
import socket
from typing import Final

import uvicorn
from typing_extensions import override

from console.app import create_app
from core.errors import ConfigurationError, SpendgateError
from streams.kafka.missing_rights import keep_checking_rights
from streams.kafka.rights import Process
from streams.settings import Settings

__all__ = ["run"]

#: At the end, open event streams are cut after this time.
_STOP_SECONDS: Final = 3


def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT. Raises ConfigurationError where the port is taken, and NotAllowed where it lacks
    a right on the cluster; a broker that is away is waited for."""
    # The brands and campaigns in memory are large and live long: frequent collections would scan them in vain.
    gc.set_threshold(50_000, 50, 1000)
    server = _ApiServer(
        settings,
        uvicorn.Config(
            create_app(settings),
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_graceful_shutdown=_STOP_SECONDS,
        ),
    )
    try:
        server.run()
    except SystemExit as error:
        raise ConfigurationError(
            f"Port {settings.http_port} of {settings.http_host} cannot be used: set SPENDGATE_HTTP_PORT to a free one."
        ) from error
    if server.refusal:
        raise server.refusal


class _ApiServer(uvicorn.Server):
    """Serves at once, and stops when the broker, asked meanwhile, denies a right."""

    def __init__(self, settings: Settings, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.refusal: SpendgateError | None = None
        self._settings = settings
        self._checking: asyncio.Task[None] | None = None

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._checking = asyncio.create_task(self._check_rights())

    async def _check_rights(self) -> None:
        try:
            await keep_checking_rights(self._settings, Process.API)
        except SpendgateError as error:
            self.refusal, self.should_exit = error, True
