"""The plan of a catalog file for pages and API: the difference, and what it would pause and resume now."""

from collections.abc import Callable
from typing import NamedTuple

from console.server.compute_thread import in_compute_thread
from console.server.services import Services
from core.moment import Moment
from models.session import session_scope
from models.threads import in_thread
from operations.catalog_file.application import FileComparison, plan_file
from operations.catalog_file.effects import Effects, effects_of
from operations.catalog_file.rows import FileRows
from operations.zone_change import zone_starts_at
from streams.clock import current_moment

__all__ = ["PlanWithEffects", "plan_catalog"]


class PlanWithEffects(NamedTuple):
    planned: FileComparison
    effects: Effects


async def plan_catalog(services: Services, read: Callable[[], FileRows]) -> PlanWithEffects:
    """Changes nothing. `read` runs in a thread, as it is work of seconds for a large file. Raises WrongRows, and
    Unreachable or DatabaseAway while either is away."""
    services.need_broker_and_database()
    now = current_moment()
    planned = await in_thread(_planned, services.settings.database, read, now)
    differences = planned.comparison.differences
    held = {brand_id: services.live.brand(brand_id) for brand_id in sorted({it.brand_id for it in differences})}
    effects = await in_compute_thread(effects_of, differences, planned.known, held, now, zone_starts_at(now))
    return PlanWithEffects(planned, effects)


def _planned(url: str, read: Callable[[], FileRows], now: Moment) -> FileComparison:
    rows = read()
    with session_scope(url) as session:
        return plan_file(session, rows, now)
