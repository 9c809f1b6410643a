"""An edit of the catalog, asked for by a page or by a program: one transaction, then the broker's ack."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.orm import Session

from console.api.services import Services
from console.catalog_mirror import CatalogMirror
from models.brand import Brand
from models.campaign import Campaign
from models.session import session_scope
from schedulers.relay import wait_until_published
from schedulers.relay_threads import in_thread
from streams.errors import ConfigurationError, Unreachable

__all__ = ["edit_catalog"]

_Row = TypeVar("_Row", Brand, Campaign)


async def edit_catalog(services: Services, act: Callable[[Session], list[_Row]]) -> tuple[list[_Row], str | None]:
    """The rows as they are then, and None once the broker has their documents, or why it has not: the edit is saved
    and stays so. Nothing is begun while Kafka or PostgreSQL is known to be away."""
    services.need_broker_and_database()
    mirror = services.catalog
    rows = await in_thread(_in_transaction, services.settings.database, act)
    _tell(mirror, rows)
    try:
        await wait_until_published(services.settings, services.relay)
    except (Unreachable, ConfigurationError) as error:
        return rows, str(error)
    return rows, None


def _in_transaction(url: str, act: Callable[[Session], list[_Row]]) -> list[_Row]:
    with session_scope(url) as session:
        return act(session)


def _tell(mirror: CatalogMirror, rows: Sequence[Brand | Campaign]) -> None:
    """Who asks next finds what was edited; the mirror, and those of other consoles, hear of it a moment later."""
    for row in rows:
        if isinstance(row, Brand):
            mirror.take_brand(row)
        else:
            mirror.take_campaign(row)
