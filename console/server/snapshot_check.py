"""Finds the campaigns of snapshots that came by HTTP, and checks them by the rules of the controller."""

from collections.abc import Sequence

from console.server.services import Services
from core.refusal import Refusal
from core.snapshot import Snapshot, read_snapshot
from models.queries.external_ids import CampaignIds, campaigns_by_external_id
from models.session import session_scope
from models.threads import in_thread
from operations.schedule_preview import zones_of
from operations.snapshots.check import BrandFacts, intake_refusal
from operations.snapshots.external_id import AnyRefusal, external_id_of, with_ids
from streams.clock import current_moment

__all__ = ["CheckedSnapshot", "checked_snapshots"]

#: The snapshot and its bytes for the topic, or why it is refused.
CheckedSnapshot = tuple[Snapshot, bytes] | AnyRefusal


async def checked_snapshots(services: Services, values: Sequence[bytes]) -> list[CheckedSnapshot]:
    """The checked snapshots in the order of `values`. One that is refused here never becomes a dead letter."""
    external_ids = [external_id_of(value) for value in values]
    wanted = {one for one in external_ids if isinstance(one, str)}
    campaigns = await _campaigns(services, wanted) if wanted else {}
    found = [with_ids(value, one, campaigns) for value, one in zip(values, external_ids, strict=True)]
    return [_checked(services, it) if isinstance(it, bytes) else it for it in found]


async def _campaigns(services: Services, external_ids: set[str]) -> dict[str, list[CampaignIds]]:
    services.need_database()

    def query() -> dict[str, list[CampaignIds]]:
        with session_scope(services.settings.database) as session:
            return campaigns_by_external_id(session, external_ids)

    return await in_thread(query)


def _checked(services: Services, value: bytes) -> CheckedSnapshot:
    snapshot = read_snapshot(value)
    if isinstance(snapshot, Refusal):
        return snapshot
    now = current_moment()
    refusal = intake_refusal(snapshot, _brand_facts(services, snapshot.brand_id), now, services.settings.tolerance)
    return refusal or (snapshot, value)


def _brand_facts(services: Services, brand_id: str) -> BrandFacts | None:
    """The brand's fields by the database or else by the controller; None for an unknown brand."""
    row = services.catalog.brand(brand_id)
    if row is not None:
        return BrandFacts(row.currency, zones_of(row))
    held = services.live.brand(brand_id)
    return BrandFacts(held.state.config.currency, held.state.config.zones) if held and held.state.config else None
