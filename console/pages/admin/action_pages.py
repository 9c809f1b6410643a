"""Pause, resume, archive and unarchive one brand, one campaign or many campaigns at once. A page that says what will
happen asks for confirmation first."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, HTTPException, Request, Response
from sqlalchemy.orm import Session

from console.access.rights import PageOperator, safe_next
from console.pages.admin.catalog_access import edit, read_catalog
from console.rendering.flash import flash_redirect
from console.rendering.render import page
from console.server.paging import BrandId, CampaignId
from console.server.services import Served, Services
from core.errors import RefusedValue
from models.queries.catalog import get_brand, get_campaign
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogEntity
from operations import validation
from operations.accounts.person import Person
from operations.catalog_actions import CatalogAction

__all__ = ["router"]

#: Included after all other routes below a brand or a campaign: the name of the action is a parameter of the path.
router = APIRouter(include_in_schema=False)

_DANGEROUS: Final = (CatalogAction.PAUSE, CatalogAction.ARCHIVE)


@router.post("/campaigns/bulk")
async def apply_to_many(request: Request, person: PageOperator, services: Served) -> Response:
    """Change all of the ticked campaigns or, where one is refused, none."""
    form = await request.form()
    action = _action(form.get("act"))
    campaign_ids = sorted({validation.identifier("campaign", str(it)) for it in form.getlist("campaign_id")})
    if not campaign_ids:
        raise RefusedValue("No campaign is ticked: go back and tick those that are meant.")
    if form.get("confirmed") != "true":
        title = f"{action.label} {len(campaign_ids)} campaign{'s' if len(campaign_ids) > 1 else ''}?"
        hidden = [("act", action.value), *(("campaign_id", it) for it in campaign_ids)]
        return _question(request, person, action, title, "campaign", names=campaign_ids, hidden=hidden)

    def edit_all(session: Session) -> list[Brand | Campaign]:
        return [action.apply(session, CatalogEntity.CAMPAIGN, it, actor=person.actor) for it in campaign_ids]

    return _back(form, "/campaigns", await edit(services, edit_all))


@router.get("/brands/{brand_id}/{act}")
async def confirm_for_brand(
    request: Request, brand_id: BrandId, act: str, person: PageOperator, services: Served
) -> Response:
    action = _action(act)
    await read_catalog(services, lambda session: get_brand(session, brand_id))
    return _question(request, person, action, f"{action.label} brand {brand_id}?", "brand")


@router.post("/brands/{brand_id}/{act}")
async def apply_to_brand(
    request: Request, brand_id: BrandId, act: str, person: PageOperator, services: Served
) -> Response:
    return await _apply(request, services, person, act, CatalogEntity.BRAND, brand_id)


@router.get("/campaigns/{campaign_id}/{act}")
async def confirm_for_campaign(
    request: Request, campaign_id: CampaignId, act: str, person: PageOperator, services: Served
) -> Response:
    action = _action(act)
    await read_catalog(services, lambda session: get_campaign(session, campaign_id))
    return _question(request, person, action, f"{action.label} campaign {campaign_id}?", "campaign")


@router.post("/campaigns/{campaign_id}/{act}")
async def apply_to_campaign(
    request: Request, campaign_id: CampaignId, act: str, person: PageOperator, services: Served
) -> Response:
    return await _apply(request, services, person, act, CatalogEntity.CAMPAIGN, campaign_id)


async def _apply(
    request: Request, services: Services, person: Person, act: str, kind: CatalogEntity, row_id: str
) -> Response:
    action = _action(act)
    flash = await edit(services, lambda session: [action.apply(session, kind, row_id, actor=person.actor)])
    return _back(await request.form(), f"/{kind}s", flash)


def _action(text: object) -> CatalogAction:
    if text not in list(CatalogAction):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return CatalogAction(str(text))


def _question(
    request: Request,
    person: Person,
    action: CatalogAction,
    title: str,
    kind: str,
    *,
    names: Sequence[str] = (),
    hidden: Sequence[tuple[str, str]] = (),
) -> Response:
    return page(
        request,
        "catalog/confirm.html",
        person=person,
        title=title,
        effect=action.effect(kind, many=len(names) > 1),
        button=action.label,
        dangerous=action in _DANGEROUS,
        names=names,
        hidden=hidden,
        next=_referring_page(request, request.url.path.rpartition("/")[0]),
    )


def _referring_page(request: Request, otherwise: str) -> str:
    """Path and query of the page on which the button was pressed, where it is a page of this console."""
    try:
        referer = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return otherwise
    if referer.netloc != request.url.netloc or referer.path == request.url.path:
        return otherwise
    return safe_next(f"{referer.path}?{referer.query}" if referer.query else referer.path)


def _back(form: Mapping[str, Any], otherwise: str, flash: str) -> Response:
    return flash_redirect(safe_next(str(form.get("next") or otherwise)), flash)
