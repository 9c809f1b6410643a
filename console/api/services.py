"""What requests are answered from: one frozen object, on `app.state.services`.

Each property raises Unreachable or DatabaseAway, which are answered with 503, while its connection is not there.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from console.access.gate import Gate
from console.api.kept import Kept
from console.catalog_mirror import CatalogMirror
from console.live.hub import Hub, open_hub
from models.errors import DatabaseAway
from schedulers.relay import Relay
from streams.errors import Unreachable
from streams.live import LiveState
from streams.settings import Settings
from streams.spend_producer import SpendProducer

__all__ = ["Served", "Services", "open_services", "services_of"]


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    gate: Gate
    #: Publishes edits of the catalog; heals itself.
    relay: Relay
    #: Tells open pages what changes, and has a glance of every brand.
    hub: Hub
    _live: Kept[LiveState]
    _catalog: Kept[CatalogMirror]
    _producer: Kept[SpendProducer]

    @property
    def live(self) -> LiveState:
        """What the controller holds."""
        return self._live.now()

    @property
    def catalog(self) -> CatalogMirror:
        """The rows of brands and campaigns, kept up to date in memory."""
        return self._catalog.now()

    @property
    def producer(self) -> SpendProducer:
        return self._producer.now()

    def need_database(self) -> None:
        """Raises at once when it is away, so that no thread waits for it in vain."""
        self._catalog.now()

    def need_broker_and_database(self) -> None:
        self._live.now()
        self._catalog.now()

    def away(self) -> list[str]:
        """What cannot be used now."""
        return [name for name, kept in self._parts().items() if not kept.is_ready()]

    def has_started(self) -> bool:
        """Whether all of it was there once."""
        return all(kept.was_ready for kept in self._parts().values())

    def _parts(self) -> dict[str, "Kept[LiveState] | Kept[CatalogMirror] | Kept[SpendProducer]"]:
        return {"controller-state": self._live, "database": self._catalog, "spend-events": self._producer}


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Returns at once: what is away now is there as soon as it can be."""
    gate = Gate(settings.database, lambda: catalog.now())
    relay = Relay(settings)
    live = Kept("state of the controller", Unreachable, lambda: LiveState(settings))
    catalog = Kept("database", DatabaseAway, lambda: CatalogMirror(settings.database, gate.forget))
    producer = Kept("way to the spend events", Unreachable, lambda: SpendProducer(settings))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(relay.close)
        for kept in (live, catalog, producer):
            await stack.enter_async_context(kept)
        hub = await stack.enter_async_context(open_hub(settings, live.now))
        yield Services(settings, gate, relay, hub, live, catalog, producer)


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Served = Annotated[Services, Depends(services_of)]
