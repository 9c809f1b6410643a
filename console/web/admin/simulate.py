"""A form that publishes one spend event, to see what the controller makes of it."""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from console import validation
from console.access.person import Person
from console.access.rights import PageOperator
from console.api.services import Served
from console.api.spend import judged
from console.one_spend import one_spend
from console.web.admin.database import campaign_and_brand
from console.web.render import page
from models.brand import Brand
from models.campaign import Campaign
from streams.core.refusal import Refusal
from streams.errors import RefusedValue
from streams.spend_producer import Acked

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

#: Which input a refusal of the controller's is about; the others are about the amount.
_INPUTS = {"event_id": "event_id", "occurred_at": "occurred_at"}


@router.get("/campaigns/{campaign_id}/simulate-spend")
async def form(request: Request, campaign_id: str, person: PageOperator, services: Served) -> Response:
    return _page(request, person, *await campaign_and_brand(services, campaign_id))


@router.post("/campaigns/{campaign_id}/simulate-spend")
async def publish(request: Request, campaign_id: str, person: PageOperator, services: Served) -> Response:
    """Told when the broker has it. Whatever the controller would refuse is refused here."""
    form = await request.form()
    sent = {name: str(form.get(name) or "").strip() for name in ("amount", "event_id", "occurred_at")}
    campaign, brand = await campaign_and_brand(services, campaign_id)
    try:
        micros = validation.spend_amount(sent["amount"])
    except RefusedValue as error:
        return _page(request, person, campaign, brand, sent, {"amount": str(error)})
    event, value = one_spend(
        brand, campaign_id, micros, event_id=sent["event_id"] or None, occurred_at=sent["occurred_at"] or None
    )
    verdict = judged(services, value, time.time_ns() // 1_000_000)
    if isinstance(verdict, Refusal):
        name = next((it for it in _INPUTS if verdict.message.startswith(it)), "amount")
        return _page(request, person, campaign, brand, sent, {name: f"The event is refused: {verdict.message}."})
    ack = await services.producer.send(brand.brand_id, value)
    return _page(request, person, campaign, brand, {"amount": sent["amount"]}, event=event, ack=ack)


def _page(
    request: Request,
    person: Person,
    campaign: Campaign,
    brand: Brand,
    sent: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    event: dict[str, str] | None = None,
    ack: Acked | None = None,
) -> Response:
    values: dict[str, Any] = {"sent": sent or {}, "errors": errors or {}, "event": event, "ack": ack}
    return page(
        request,
        "catalog/simulate_spend.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        campaign=campaign,
        brand=brand,
        **values,
    )
