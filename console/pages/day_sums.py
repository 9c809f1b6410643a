"""The ledger's hourly sums of a brand's open day, cached for a page that stays open."""

import asyncio
import time
from typing import Final

from console.live.brand_summary import BrandSummary
from console.pages.spend_curve import SpendCurve, spend_curve
from console.server.services import Services
from core.moment import Moment
from models.queries.spend_sums import spend_by_hour
from models.session import session_scope

__all__ = ["DaySums"]

#: Between two reads of the ledger. The last point of the curve is the controller's total and always current.
_READ_SECONDS: Final = 60.0


class DaySums:
    """The sums of one brand."""

    def __init__(self, services: Services, brand_id: str) -> None:
        self._url = services.settings.database
        self._brand_id = brand_id
        self._sums: dict[Moment, int] = {}
        self._read_at = float("-inf")
        self._day_starts_at: Moment | None = None

    async def curve(self, summary: BrandSummary, now: Moment) -> SpendCurve:
        is_old = time.monotonic() - self._read_at > _READ_SECONDS
        if is_old or self._day_starts_at != summary.day_starts_at:
            self._sums = await asyncio.to_thread(_sums, self._url, self._brand_id, summary)
            self._day_starts_at, self._read_at = summary.day_starts_at, time.monotonic()
        return spend_curve(
            self._sums,
            total_micros=summary.day.spent_micros,
            budget_micros=summary.day.budget_micros,
            starts_at=summary.day_starts_at,
            ends_at=summary.day_ends_at,
            now=now,
            time_zone=summary.time_zone,
        )


def _sums(url: str, brand_id: str, summary: BrandSummary) -> dict[Moment, int]:
    with session_scope(url) as session:
        sums = spend_by_hour(session, brand_id=brand_id, day=summary.day_on, day_starts_at=summary.day_starts_at)
    return dict(sums)
