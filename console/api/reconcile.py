"""`/api/v1/reconcile`: the controller's totals against the ledger's sums."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from console.access.rights import Viewer
from console.api import schemas
from console.api.openapi import documented
from console.server.paging import json_answer
from console.server.services import Served
from ledger.reconcile.reconciliation import reconcile
from ledger.reconcile.runs import difference_view
from operations import validation

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/reconcile", tags=["operation"])

#: How long a ledger or a controller that is behind is waited for.
_PATIENCE_SECONDS: Final = 8.0


@router.get("", **documented(schemas.ReconcileResult, errors=(404, 429)))
async def compare(
    person: Viewer, services: Served, brand_id: Annotated[str | None, Query(description="This brand alone.")] = None
) -> Response:
    """Compares now, at one position of the topics; changes nothing. No differences: the totals are the rows."""
    services.need_broker_and_database()
    brand = None if brand_id is None else validation.identifier("brand", brand_id)
    # It reads all that the controller holds.
    async with services.sharing.heavy(person.name):
        found = await reconcile(services.settings, brand, patience_seconds=_PATIENCE_SECONDS)
    return json_answer(
        {
            "brand_id": found.brand_id,
            "brands": found.brands,
            "campaigns": found.campaigns,
            "positions": found.positions,
            "differences": [difference_view(difference) for difference in found.differences],
            "beyond_repair": found.beyond_repair,
            "holes": [hole.sentence for hole in found.holes],
        }
    )
