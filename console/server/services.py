"""The connections and caches that requests are answered from: one frozen object, on `app.state.services`.

A property raises Unreachable or DatabaseAway, which are answered with 503, while its connection is lost.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from console.access.authentication import Authenticator
from console.live.broadcaster import Broadcaster, open_broadcaster
from console.server.sharing import Sharing
from core.errors import Unreachable
from models.catalog_mirror import CatalogMirror
from models.errors import DatabaseAway
from schedulers.catalog_relay.relay import Relay
from streams.kafka.producer import SpendProducer
from streams.live_state import LiveState
from streams.reconnecting import Reconnecting
from streams.settings import Settings

__all__ = ["Served", "Services", "open_services", "services_of"]


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    authenticator: Authenticator
    #: Publishes edits of the catalog; heals itself.
    relay: Relay
    #: Notifies open pages of changes and has a summary of every brand.
    broadcaster: Broadcaster
    _live: Reconnecting[LiveState]
    _catalog: Reconnecting[CatalogMirror]
    _producer: Reconnecting[SpendProducer]
    #: Limits of what one person may use at once.
    sharing: Sharing = field(default_factory=Sharing)

    @property
    def live(self) -> LiveState:
        """The controller's state, followed on `controller-state`."""
        return self._live.current()

    @property
    def catalog(self) -> CatalogMirror:
        """The rows of brands and campaigns in memory, updated by notifications of PostgreSQL."""
        return self._catalog.current()

    @property
    def producer(self) -> SpendProducer:
        return self._producer.current()

    def need_database(self) -> None:
        """Raises DatabaseAway while the database is known to be away, so that no thread waits for it."""
        self._catalog.current()

    def need_broker_and_database(self) -> None:
        self._live.current()
        self._catalog.current()

    def away(self) -> list[str]:
        """The names of connections that are not ready."""
        return [name for name, connection in self._parts().items() if not connection.is_ready()]

    def has_started(self) -> bool:
        """Whether every connection was ready once."""
        return all(connection.was_ready for connection in self._parts().values())

    def _parts(
        self,
    ) -> dict[str, "Reconnecting[LiveState] | Reconnecting[CatalogMirror] | Reconnecting[SpendProducer]"]:
        return {"controller-state": self._live, "database": self._catalog, "spend-events": self._producer}


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """The services. Returns at once; each connection is opened in the background and opened again when it is lost."""
    authenticator = Authenticator(settings.database, lambda: catalog.current())
    relay = Relay(settings)
    live = Reconnecting("state of the controller", Unreachable, lambda: LiveState(settings))
    producer = Reconnecting("way to the spend events", Unreachable, lambda: SpendProducer(settings))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(relay.close)
        for connection in (live, producer):
            await stack.enter_async_context(connection)
        broadcaster = await stack.enter_async_context(open_broadcaster(settings, live.current))
        catalog = Reconnecting(
            "database",
            DatabaseAway,
            lambda: CatalogMirror(settings.database, authenticator.clear_cache, broadcaster.note_brands),
        )
        await stack.enter_async_context(catalog)
        yield Services(settings, authenticator, relay, broadcaster, live, catalog, producer)


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Served = Annotated[Services, Depends(services_of)]
