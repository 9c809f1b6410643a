"""The form that sets the daily budget of today alone, of a brand or of one campaign: the remedy that *Why?* offers."""

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from console.access.rights import PageOperator, safe_next
from console.pages.admin.catalog_access import campaign_and_brand, edit, read_catalog
from console.rendering.flash import flash_redirect
from console.rendering.ids_in_addresses import in_address
from console.rendering.render import page
from console.server.paging import BrandId, CampaignId
from console.server.queries import PageQuery
from console.server.services import Served, Services
from core.calendar import date_of
from core.errors import RefusedValue
from core.money import LIMIT_MICROS, MICROS, format_money
from core.overrides import budget_on
from models.queries.catalog import get_brand, get_campaign
from models.queries.catalog_edits import edit_brand, edit_campaign
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations import validation
from operations.accounts.person import Person
from operations.budget_overrides import edited_overrides
from operations.dangerous_budgets import dangers_of
from operations.schedule_preview import zones_of
from streams.clock import current_moment

__all__ = ["router", "suggested_micros"]

router = APIRouter(include_in_schema=False)

NextQuery = Annotated[Mapping[str, str], Depends(PageQuery("next"))]


class _BudgetOwner(NamedTuple):
    """The brand or campaign whose budget it is, as of today by the brand's clock."""

    kind: str
    id: str
    currency: str
    time_zone: str
    today: date
    budget_micros: int | None
    spent_micros: int

    @property
    def address(self) -> str:
        return f"/{self.kind}s/{in_address(self.id)}"


def suggested_micros(budget_micros: int | None, spent_micros: int) -> int | None:
    """A fifth above the budget or, where more is spent, above that: in whole units, at most the largest budget. None
    where nothing limits it, and where all that a budget can be is spent."""
    if budget_micros is None or spent_micros >= LIMIT_MICROS:
        return None
    above = max(budget_micros, spent_micros, 0) * 6 // 5
    return min(max(1, -(-above // MICROS)) * MICROS, LIMIT_MICROS)


@router.get("/brands/{brand_id}/raise-today")
async def form_of_brand(
    request: Request, brand_id: BrandId, query: NextQuery, person: PageOperator, services: Served
) -> Response:
    return _form(request, person, await _brand(services, brand_id), query.get("next", ""))


@router.post("/brands/{brand_id}/raise-today")
async def raise_of_brand(request: Request, brand_id: BrandId, person: PageOperator, services: Served) -> Response:
    return await _raised(request, person, services, await _brand(services, brand_id))


@router.get("/campaigns/{campaign_id}/raise-today")
async def form_of_campaign(
    request: Request, campaign_id: CampaignId, query: NextQuery, person: PageOperator, services: Served
) -> Response:
    return _form(request, person, await _campaign(services, campaign_id), query.get("next", ""))


@router.post("/campaigns/{campaign_id}/raise-today")
async def raise_of_campaign(
    request: Request, campaign_id: CampaignId, person: PageOperator, services: Served
) -> Response:
    return await _raised(request, person, services, await _campaign(services, campaign_id))


async def _brand(services: Services, brand_id: str) -> _BudgetOwner:
    row: Brand = await read_catalog(services, lambda session: get_brand(session, brand_id))
    held = services.live.brand(brand_id)
    return _budget_owner("brand", brand_id, row, row, held.state.daily_micros if held else 0)


async def _campaign(services: Services, campaign_id: str) -> _BudgetOwner:
    campaign, brand = await campaign_and_brand(services, campaign_id)
    found = services.live.campaign(campaign_id)
    return _budget_owner("campaign", campaign_id, campaign, brand, found[1].daily_micros if found else 0)


def _budget_owner(kind: str, id_: str, row: Brand | Campaign, brand: Brand, spent_micros: int) -> _BudgetOwner:
    today = date_of(zones_of(brand), current_moment())
    budget = budget_on(today, row.daily_budget_micros, row.budget_overrides.daily)
    return _BudgetOwner(kind, id_, brand.currency, brand.time_zone, today, budget, spent_micros)


def _form(
    request: Request,
    person: Person,
    owner: _BudgetOwner,
    next_: str,
    *,
    amount: str | None = None,
    error: str = "",
    question: str = "",
) -> Response:
    suggested = suggested_micros(owner.budget_micros, owner.spent_micros)
    return page(
        request,
        "catalog/raise_today.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        owner=owner,
        next=safe_next(next_) if next_ else owner.address,
        amount=amount if amount is not None else "" if suggested is None else format_money(suggested),
        error=error,
        question=question,
    )


async def _raised(request: Request, person: Person, services: Services, owner: _BudgetOwner) -> Response:
    form = await request.form()
    amount, next_ = str(form.get("amount") or "").strip(), str(form.get("next") or "")
    try:
        micros = validation.budget("budget for today", amount)
    except RefusedValue as error:
        return _form(request, person, owner, next_, amount=amount, error=str(error))
    question = _question(micros, owner)
    if question and form.get("confirmed") != amount:
        return _form(request, person, owner, next_, amount=amount, question=question)
    flash = await edit(services, lambda session: [_set_today(session, owner, amount, person)])
    return flash_redirect(safe_next(next_) if next_ else owner.address, flash)


def _set_today(session: Session, owner: _BudgetOwner, amount: str, person: Person) -> Any:
    """The Brand or Campaign; the overrides of both are edited by the same words."""
    get, change = (get_brand, edit_brand) if owner.kind == "brand" else (get_campaign, edit_campaign)
    row: Brand | Campaign = get(session, owner.id)
    overrides = edited_overrides(
        row.budget_overrides, owner.today, budget_today=amount, has_monthly=owner.kind == "brand"
    )
    changes: Any = {"budget_overrides": overrides}
    return change(session, owner.id, changes, actor=person.actor, expected_revision=row.revision)


def _question(micros: int | None, owner: _BudgetOwner) -> str:
    """The question before a dangerous number is saved; empty for another number."""
    name = "daily_budget_micros"
    dangers = dangers_of({name: owner.budget_micros}, {name: micros})
    return " ".join([*dangers, "Press again to set it for today."]) if dangers else ""
