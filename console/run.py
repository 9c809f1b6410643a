"""`spendgate api`: uvicorn with the application."""

import gc
from typing import Final

import uvicorn

from console.app import create_app
from core.errors import ConfigurationError
from streams.settings import Settings

__all__ = ["run"]

#: At the end, open event streams are cut after this time.
_STOP_SECONDS: Final = 3


def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; raises ConfigurationError where the port is taken."""
    # The brands and campaigns in memory are large and live long: frequent collections would scan them in vain.
    gc.set_threshold(50_000, 50, 1000)
    server = uvicorn.Server(
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
        )
    )
    try:
        server.run()
    except SystemExit as error:
        raise ConfigurationError(
            f"Port {settings.http_port} of {settings.http_host} cannot be used: set SPENDGATE_HTTP_PORT to a free one."
        ) from error
