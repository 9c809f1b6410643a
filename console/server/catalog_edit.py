"""Edits of the catalog for pages and API: one database transaction, then the broker's acknowledgement."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.orm import Session

from console.server.services import Services
from core.errors import ConfigurationError, Unreachable
from models.catalog_mirror import CatalogMirror
from models.session import session_scope
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.threads import in_thread
from schedulers.catalog_relay.relay import wait_until_published

__all__ = ["edit_catalog"]

_Row = TypeVar("_Row", bound=Brand | Campaign)


async def edit_catalog(services: Services, edit: Callable[[Session], list[_Row]]) -> tuple[list[_Row], str | None]:
    """Commits the edit and waits until the broker has the documents of its rows.

    Returns the rows as committed, and None or the reason why they are not on the broker yet: the edit stays committed
    and is published later. Raises Unreachable or DatabaseAway before it begins while either is known to be away.
    """
    services.need_broker_and_database()
    mirror = services.catalog
    rows = await in_thread(_in_transaction, services.settings.database, edit)
    _update_mirror(mirror, rows)
    try:
        await wait_until_published(services.settings, services.relay, [row.record_key for row in rows])
    except (Unreachable, ConfigurationError) as error:
        return rows, str(error)
    return rows, None


def _in_transaction(url: str, edit: Callable[[Session], list[_Row]]) -> list[_Row]:
    with session_scope(url) as session:
        return edit(session)


def _update_mirror(mirror: CatalogMirror, rows: Sequence[Brand | Campaign]) -> None:
    """The next request sees the edit; without this it would only after the notification from PostgreSQL."""
    for row in rows:
        if isinstance(row, Brand):
            mirror.store_brand(row)
        else:
            mirror.store_campaign(row)
