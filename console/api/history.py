"""The change history, page by page."""

import msgspec
from fastapi import Response

from console.server.paging import page_of
from console.server.services import Services
from models.queries.catalog import changes_of
from models.queries.paging import decode_cursor, encode_cursor
from models.session import session_scope
from models.tables.catalog_change import CatalogChange
from models.threads import in_thread
from operations.catalog_views import change_view

__all__ = ["changes_page"]

_KIND = "changes"


async def changes_page(
    services: Services, cursor: str | None, limit: int, *, brand_id: str | None = None, campaign_id: str | None = None
) -> Response:
    """A page of the change history, newest first."""
    before = None if cursor is None else int(decode_cursor(_KIND, cursor, (int,))[0])

    def read() -> list[CatalogChange]:
        with session_scope(services.settings.database) as session:
            return list(changes_of(session, brand_id=brand_id, campaign_id=campaign_id, before=before, limit=limit + 1))

    rows = await in_thread(read)
    more = len(rows) > limit
    items = [msgspec.json.encode(change_view(row)) for row in rows[:limit]]
    return page_of(items, encode_cursor(_KIND, [rows[limit - 1].change_id]) if more else None)
