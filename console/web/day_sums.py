"""The ledger's sums of a brand's open day by the hour, read again now and then for a page that stays open."""

import asyncio
import time
from typing import Final

from console.api.services import Services
from console.live.glance import BrandGlance
from console.web.spend_curve import SpendCurve, spend_curve
from models.session import session_scope
from models.spend_sums import spend_by_hour
from streams.core.moment import Moment

__all__ = ["DaySums"]

#: Between two looks into the ledger. The end of the curve is the controller's total and moves with every change.
_LOOK_SECONDS: Final = 60.0


class DaySums:
    """Of one brand, or of one of its campaigns."""

    def __init__(self, services: Services, brand_id: str) -> None:
        self._url = services.settings.database
        self._brand_id = brand_id
        self._sums: dict[Moment, int] = {}
        self._looked_at = float("-inf")
        self._day_starts_at: Moment | None = None

    async def curve(self, seen: BrandGlance, now: Moment) -> SpendCurve:
        is_old = time.monotonic() - self._looked_at > _LOOK_SECONDS
        if is_old or self._day_starts_at != seen.day_starts_at:
            self._sums = await asyncio.to_thread(_sums, self._url, self._brand_id, seen)
            self._day_starts_at, self._looked_at = seen.day_starts_at, time.monotonic()
        return spend_curve(
            self._sums,
            total_micros=seen.day.spent_micros,
            budget_micros=seen.day.budget_micros,
            starts_at=seen.day_starts_at,
            ends_at=seen.day_ends_at,
            now=now,
            time_zone=seen.time_zone,
        )


def _sums(url: str, brand_id: str, seen: BrandGlance) -> dict[Moment, int]:
    with session_scope(url) as session:
        sums = spend_by_hour(session, brand_id=brand_id, day=seen.day_on, day_starts_at=seen.day_starts_at)
    return dict(sums)
