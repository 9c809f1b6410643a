"""The last edit of a brand or campaign taken back: the question before it is that of a catalog file."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from console.access.rights import PageOperator
from console.pages.admin.catalog_access import read_catalog
from console.pages.admin.catalog_file_page import SentRows, plan_page
from console.pages.admin.paging import filter_number
from console.rendering.ids_in_addresses import in_address
from console.server.queries import PageQuery
from console.server.services import Served
from core.errors import RefusedValue
from models.errors import RowNotFound
from models.queries.catalog import changes_since, get_brand, get_campaign
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogChange
from operations.put_back import row_that_puts_back

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

ChangeQuery = Annotated[Mapping[str, str], Depends(PageQuery("change"))]


@router.get("/put-back")
async def ask(request: Request, query: ChangeQuery, person: PageOperator, services: Served) -> Response:
    """What would be as before. Changes nothing; refused where something newer was edited.

    An address without an edit leads to the edits, each of which has its own.
    """
    if "change" not in query:
        return RedirectResponse("/changes", HTTPStatus.SEE_OTHER)

    def read(session: Session) -> tuple[CatalogChange, Brand | Campaign]:
        change = session.get(CatalogChange, filter_number(query, "change") or 0)
        if change is None:
            raise RowNotFound("There is no such edit.")
        row: Brand | Campaign = (
            get_brand(session, change.brand_id)
            if change.campaign_id is None
            else get_campaign(session, change.campaign_id)
        )
        (newest,) = changes_since(session, row, row.revision - 1)
        if newest.change_id != change.change_id:
            raise RefusedValue(f"Something newer was edited by {newest.actor}: take that back first, or edit it.")
        return change, row

    change, row = await read_catalog(services, read)
    thing = change.campaign_id or change.brand_id
    history = f"/{change.kind}s/{in_address(thing)}/history"
    text = json.dumps({"rows": [row_that_puts_back(change, row.revision)]})
    sent = SentRows("json", text, f"put back: edit {change.change_id}", history)
    return await plan_page(request, person, services, sent, title=f"Put back what was changed of {thing}?")
