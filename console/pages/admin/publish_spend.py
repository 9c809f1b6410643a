"""The form that publishes one spend event: real money, so it is there only where the setting `SPEND_FORM` is true."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from starlette.responses import RedirectResponse

from console.access.cookies import session_secret
from console.access.rights import PageOperator
from console.access.signed_address import SIGNATURE, signed_address, verified_values
from console.pages.admin.catalog_access import campaign_and_brand
from console.rendering.render import page
from console.server.paging import CampaignId
from console.server.queries import PageQuery
from console.server.services import Served
from console.server.spend_check import checked_spend
from core.errors import RefusedValue
from core.refusal import Refusal
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations import validation
from operations.accounts.person import Person
from operations.spend_event import new_spend_event
from streams.clock import current_moment
from streams.kafka.producer import Acked

__all__ = ["router"]


def _there_is_one(services: Served) -> None:
    if not services.settings.spend_form:
        raise HTTPException(HTTPStatus.NOT_FOUND)


router = APIRouter(include_in_schema=False, dependencies=[Depends(_there_is_one)])

PublishedQuery = Annotated[
    Mapping[str, str], Depends(PageQuery("event_id", "amount", "topic", "partition", "offset", SIGNATURE))
]
#: The input that a refusal is shown beside, by how its message begins; else the amount.
_INPUTS = {"event_id": "event_id", "occurred_at": "occurred_at"}


@router.get("/campaigns/{campaign_id}/publish-spend")
async def form(
    request: Request, campaign_id: CampaignId, query: PublishedQuery, person: PageOperator, services: Served
) -> Response:
    campaign, brand = await campaign_and_brand(services, campaign_id)
    published = verified_values(session_secret(request) or "", request.url.path, query)
    sent = {"amount": published["amount"]} if published else {}
    return _page(request, person, campaign, brand, sent, published=published)


@router.post("/campaigns/{campaign_id}/publish-spend")
async def publish(request: Request, campaign_id: CampaignId, person: PageOperator, services: Served) -> Response:
    """Asks first. Then it redirects, once the broker has the event, to the page that shows its position: loading that
    page again publishes nothing. An event that the controller would refuse is not published.

    The question fixes the event id, so that a form which is sent twice counts once."""
    form = await request.form()
    sent = {name: str(form.get(name) or "").strip() for name in ("amount", "event_id", "occurred_at")}
    campaign, brand = await campaign_and_brand(services, campaign_id)
    try:
        micros = validation.spend_amount(sent["amount"])
    except RefusedValue as error:
        return _page(request, person, campaign, brand, sent, {"amount": str(error)})
    event, value = new_spend_event(
        brand, campaign_id, micros, event_id=sent["event_id"] or None, occurred_at=sent["occurred_at"] or None
    )
    verdict = checked_spend(services, value, current_moment())
    if isinstance(verdict, Refusal):
        name = next((it for it in _INPUTS if verdict.message.startswith(it)), "amount")
        return _page(request, person, campaign, brand, sent, {name: f"The event is refused: {verdict.message}."})
    if form.get("confirmed") != sent["amount"]:
        asked = {**sent, "event_id": str(event["event_id"])}
        return _page(request, person, campaign, brand, asked, asks_about=str(event["amount"]))
    ack = await services.producer.send(brand.brand_id, value)
    published = {"event_id": event["event_id"], "amount": event["amount"], **_texts(ack)}
    address = signed_address(session_secret(request) or "", request.url.path, published)
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def _texts(ack: Acked) -> dict[str, str]:
    return {name: str(value) for name, value in ack._asdict().items()}


def _page(
    request: Request,
    person: Person,
    campaign: Campaign,
    brand: Brand,
    sent: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    published: Mapping[str, str] | None = None,
    asks_about: str = "",
) -> Response:
    values: dict[str, Any] = {
        "sent": sent or {},
        "errors": errors or {},
        "published": published,
        "asks_about": asks_about,
    }
    return page(
        request,
        "catalog/publish_spend.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        campaign=campaign,
        brand=brand,
        **values,
    )
