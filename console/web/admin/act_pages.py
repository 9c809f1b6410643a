"""Pause, resume, archive and take out again: of one brand, of one campaign, of many campaigns at once. Always asked
first, on a page that says what will happen."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, HTTPException, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from console import validation
from console.access.person import Person
from console.access.rights import PageOperator, safe_next
from console.api.services import Served
from console.web.admin.acts import Act
from console.web.admin.database import edit, look
from console.web.render import page
from console.web.said import with_said
from models.campaign import Campaign
from models.catalog import edit_brand, edit_campaign
from models.catalog_reads import get_brand, get_campaign
from streams.errors import RefusedValue

__all__ = ["router"]

#: Has to come after all other routes below a brand or a campaign, because an act is a part of the address.
router = APIRouter(include_in_schema=False)

_DANGEROUS: Final = (Act.PAUSE, Act.ARCHIVE)


@router.post("/campaigns/bulk")
async def act_on_many(request: Request, person: PageOperator, services: Served) -> Response:
    """All of them or, where one cannot be, none."""
    form = await request.form()
    act = _act(form.get("act"))
    campaign_ids = sorted({validation.identifier("campaign", str(it)) for it in form.getlist("campaign_id")})
    if not campaign_ids:
        raise RefusedValue("No campaign is ticked: go back and tick those that are meant.")
    if form.get("confirmed") != "true":
        title = f"{act.label} {len(campaign_ids)} campaign{'s' if len(campaign_ids) > 1 else ''}?"
        hidden = [("act", act.value), *(("campaign_id", it) for it in campaign_ids)]
        return _question(request, person, act, title, "campaign", names=campaign_ids, hidden=hidden)

    def all_of_them(session: Session) -> list[Campaign]:
        return [edit_campaign(session, it, act.of_campaign(), actor=person.actor) for it in campaign_ids]

    return _back(form, "/campaigns", await edit(services, all_of_them))


@router.get("/brands/{brand_id}/{act}")
async def ask_brand(request: Request, brand_id: str, act: str, person: PageOperator, services: Served) -> Response:
    known = _act(act)
    await look(services, lambda session: get_brand(session, brand_id))
    return _question(request, person, known, f"{known.label} brand {brand_id}?", "brand")


@router.post("/brands/{brand_id}/{act}")
async def act_on_brand(request: Request, brand_id: str, act: str, person: PageOperator, services: Served) -> Response:
    known = _act(act)
    said = await edit(services, lambda session: [edit_brand(session, brand_id, known.of_brand(), actor=person.actor)])
    return _back(await request.form(), "/brands", said)


@router.get("/campaigns/{campaign_id}/{act}")
async def ask_campaign(
    request: Request, campaign_id: str, act: str, person: PageOperator, services: Served
) -> Response:
    known = _act(act)
    await look(services, lambda session: get_campaign(session, campaign_id))
    return _question(request, person, known, f"{known.label} campaign {campaign_id}?", "campaign")


@router.post("/campaigns/{campaign_id}/{act}")
async def act_on_campaign(
    request: Request, campaign_id: str, act: str, person: PageOperator, services: Served
) -> Response:
    known = _act(act)
    said = await edit(
        services, lambda session: [edit_campaign(session, campaign_id, known.of_campaign(), actor=person.actor)]
    )
    return _back(await request.form(), "/campaigns", said)


def _act(text: object) -> Act:
    if text not in list(Act):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return Act(str(text))


def _question(
    request: Request,
    person: Person,
    act: Act,
    title: str,
    kind: str,
    *,
    names: Sequence[str] = (),
    hidden: Sequence[tuple[str, str]] = (),
) -> Response:
    return page(
        request,
        "catalog/ask.html",
        person=person,
        title=title,
        effect=act.effect(kind, many=len(names) > 1),
        button=act.label,
        dangerous=act in _DANGEROUS,
        names=names,
        hidden=hidden,
        next=_came_from(request, f"/{kind}s"),
    )


def _came_from(request: Request, otherwise: str) -> str:
    """The page on which the button was pressed, if it was one of ours."""
    try:
        referer = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return otherwise
    if referer.netloc != request.url.netloc or referer.path == request.url.path:
        return otherwise
    return safe_next(f"{referer.path}?{referer.query}" if referer.query else referer.path)


def _back(form: Mapping[str, Any], otherwise: str, said: str) -> Response:
    target = safe_next(str(form.get("next") or otherwise))
    return RedirectResponse(with_said(target, said), HTTPStatus.SEE_OTHER)
