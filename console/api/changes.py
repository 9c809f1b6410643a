"""The change history, page by page."""

import msgspec
from fastapi import Response

from console.api.pages import page_of
from console.api.services import Services
from console.views import change_view
from models.catalog_reads import changes_of
from models.change import Change
from models.paging import decode_cursor, encode_cursor
from models.session import session_scope
from schedulers.relay_threads import in_thread

__all__ = ["changes_page"]

_KIND = "changes"


async def changes_page(
    services: Services, cursor: str | None, limit: int, *, brand_id: str | None = None, campaign_id: str | None = None
) -> Response:
    before = None if cursor is None else int(decode_cursor(_KIND, cursor, (int,))[0])

    def read() -> list[Change]:
        with session_scope(services.settings.database) as session:
            return list(changes_of(session, brand_id=brand_id, campaign_id=campaign_id, before=before, limit=limit + 1))

    rows = await in_thread(read)
    more = len(rows) > limit
    items = [msgspec.json.encode(change_view(row)) for row in rows[:limit]]
    return page_of(items, encode_cursor(_KIND, [rows[limit - 1].change_id]) if more else None)
