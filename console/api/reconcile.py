"""`/api/v1/reconcile`: the controller's totals against the ledger's sums."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from console import validation
from console.access.rights import Viewer
from console.api import schemas
from console.api.openapi import told
from console.api.pages import json_answer
from console.api.services import Served
from streams.ledger.reconcile import reconcile
from streams.ledger.runs import difference_view

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/reconcile", tags=["operation"])

#: How long a ledger or a controller that is behind is waited for.
_PATIENCE_SECONDS: Final = 8.0
#: It reads all that the controller holds: who asks while another is answered waits for a turn.
_turn: Final = asyncio.Semaphore(1)


@router.get("", **told(schemas.Reconciliation, errors=(404,)))
async def compare(
    _: Viewer, services: Served, brand_id: Annotated[str | None, Query(description="This brand alone.")] = None
) -> Response:
    """Compares now, at one position of the topics; changes nothing. No differences: the totals are the rows."""
    services.need_broker_and_database()
    brand = None if brand_id is None else validation.identifier("brand", brand_id)
    async with _turn:
        found = await reconcile(services.settings, brand, patience_seconds=_PATIENCE_SECONDS)
    return json_answer(
        {
            "brand_id": found.brand_id,
            "brands": found.brands,
            "campaigns": found.campaigns,
            "positions": found.positions,
            "differences": [difference_view(difference) for difference in found.differences],
            "beyond_repair": found.beyond_repair,
        }
    )
