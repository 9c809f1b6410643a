"""The page that leads through an empty console: brand, campaign, token, and the first spend as it arrives; or sample
data instead."""

import asyncio
import json
import secrets
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from console.access.rights import PageAdmin, PageOperator, PageViewer
from console.pages.admin.catalog_access import read_catalog
from console.pages.command_list import NoCommands
from console.pages.page_stream import Part, stream
from console.rendering.flash import SAVED, flash_redirect
from console.rendering.render import page, part
from console.server.catalog_edit import edit_catalog
from console.server.queries import PageQuery
from console.server.services import Served, Services
from core.errors import Unreachable
from core.moment import Moment
from models.errors import AlreadyExists, DatabaseAway
from models.queries.accounts import list_tokens
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations.accounts.accounts import create_token
from operations.accounts.person import Person, Role
from simulation.sample import add_sample, sample_spend
from streams.clock import current_moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_ADDRESS: Final = "/first-steps"
#: A first token is for trying things out.
_TOKEN_DAYS: Final = 30
BrandQuery = Annotated[Mapping[str, str], Depends(PageQuery("brand"))]


class FirstSpend(NamedTuple):
    """The campaign with the most spend of the brand: net, in micros, as the controller holds it."""

    campaign_id: str
    name: str
    micros: int
    currency: str


@router.get(_ADDRESS)
async def first_steps(request: Request, query: BrandQuery, person: PageViewer, services: Served) -> Response:
    return await _page(request, person, services, query.get("brand", ""))


@router.post(f"{_ADDRESS}/token")
async def token(request: Request, person: PageAdmin, services: Served) -> Response:
    """Shows the token once, inside a command. A form that is sent again names the same token, which is refused."""
    services.need_database()
    form = await request.form()
    name, brand_id = (str(form.get(it) or "").strip() for it in ("name", "brand"))
    try:
        _, secret = await asyncio.to_thread(
            create_token, services.settings.database, name, Role.OPERATOR, _TOKEN_DAYS, actor=person.actor
        )
    except AlreadyExists as error:
        return await _page(request, person, services, brand_id, error=str(error))
    return await _page(request, person, services, brand_id, secret=secret)


@router.post(f"{_ADDRESS}/sample-data")
async def sample_data(request: Request, person: PageOperator, services: Served) -> Response:
    """Adds the brands, then publishes their spend once the broker has them. Refused where there is a brand already."""
    producer = services.producer

    def add(session: Session) -> list[Brand | Campaign]:
        return add_sample(session, actor=person.actor)

    rows, why_not_published = await edit_catalog(services, add)
    if why_not_published is not None:
        return flash_redirect("/", "kept")
    await asyncio.gather(*(producer.send(it.brand_id, it.value) for it in sample_spend(rows, current_moment())))
    return flash_redirect("/", SAVED)


@router.get("/live/first-steps")
async def live(request: Request, query: BrandQuery, _: PageViewer, services: Served) -> Response:
    return stream(request, services, nullcontext(_FirstStepsView(services, query.get("brand", ""))))


class _FirstStepsView(NoCommands):
    is_incomplete = False

    def __init__(self, services: Services, brand_id: str) -> None:
        self._services = services
        self._brand_id = brand_id
        self.brand_ids = frozenset([brand_id])

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        return [Part("first-spend", part("first_spend", _first_spend(self._services, self._brand_id)))]


async def _page(request: Request, person: Person, services: Services, brand_id: str, **values: Any) -> Response:
    catalog = services.catalog
    given = catalog.brand(brand_id) if brand_id else None
    in_use = [row for it in catalog.brand_ids() if (row := catalog.brand(it)) and not row.archived]
    # A brand that has no campaign yet is the one that somebody has just added.
    brand = given or next((it for it in in_use if not catalog.campaign_ids(it.brand_id)), in_use[0] if in_use else None)
    campaign = next((it for it in catalog.campaigns_of(brand.brand_id) if not it.archived), None) if brand else None
    error = str(values.get("error", ""))
    return page(
        request,
        "first_steps.html",
        person=person,
        status=HTTPStatus.CONFLICT if error else HTTPStatus.OK,
        may_edit=person.may(Role.OPERATOR),
        may_make_tokens=person.may(Role.ADMIN),
        is_empty=not catalog.brand_ids(),
        brand=brand,
        campaign=campaign,
        has_token=any(it.revoked_at is None for it in await read_catalog(services, list_tokens)),
        token_name=f"first-steps-{secrets.token_hex(3)}",
        secret=values.get("secret", ""),
        error=error,
        curl=_curl(request, brand, campaign, str(values.get("secret", ""))),
        spend=_first_spend(services, brand.brand_id) if brand else None,
    )


def _curl(request: Request, brand: Brand | None, campaign: Campaign | None, secret: str) -> str:
    """Every part of it is of letters that a shell leaves alone inside the quotes."""
    event = {
        "event_id": f"first-{secrets.token_hex(4)}",
        "brand_id": brand.brand_id if brand else "BRAND",
        "campaign_id": campaign.campaign_id if campaign else "CAMPAIGN",
        "amount": "1.00",
    }
    return " \\\n  ".join(
        [
            f"curl -X POST '{str(request.base_url).rstrip('/')}/api/v1/spend'",
            f"-H 'Authorization: Bearer {secret or 'TOKEN'}'",
            "-H 'Content-Type: application/json'",
            f"-d '{json.dumps(event)}'",
        ]
    )


def _first_spend(services: Services, brand_id: str) -> FirstSpend | None:
    """The first spend; None also while the broker or the database is away."""
    try:
        held, brand = services.live.brand(brand_id), services.catalog.brand(brand_id)
        spent = [it for it in held.state.campaigns.values() if it.total_micros] if held else []
        if not spent or brand is None:
            return None
        most = max(spent, key=lambda it: it.total_micros)
        row = services.catalog.campaign(most.campaign_id)
    except (Unreachable, DatabaseAway):
        return None
    return FirstSpend(
        most.campaign_id, (row.name if row else "") or most.campaign_id, most.total_micros, brand.currency
    )
