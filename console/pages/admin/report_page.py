"""The report of a brand's month, to look at, to print and as CSV."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import StreamingResponse

from console.access.rights import PageViewer
from console.pages.admin.catalog_access import read_catalog
from console.rendering.render import page
from console.server.paging import BrandId
from console.server.queries import PageQuery
from console.server.services import Served, Services
from core.calendar import date_of
from core.errors import RefusedValue
from models.queries.catalog import get_brand
from models.tables.brand import Brand
from operations.accounts.person import Role
from operations.report.report import Report, month_of, read_report, report_csv
from operations.schedule_preview import zones_of
from streams.clock import current_moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

MonthQuery = Annotated[Mapping[str, str], Depends(PageQuery("month"))]


@router.get("/brands/{brand_id}/report")
async def show(
    request: Request, brand_id: BrandId, query: MonthQuery, person: PageViewer, services: Served
) -> Response:
    """This month where none is named."""
    now = current_moment()
    brand: Brand = await read_catalog(services, lambda session: get_brand(session, brand_id))
    this_month = date_of(zones_of(brand), now).replace(day=1)
    text, error, report = query.get("month") or this_month.isoformat()[:7], "", None
    try:
        month = month_of(text)
    except RefusedValue as refused:
        month, error = this_month, str(refused)
    else:
        async with services.sharing.heavy(person.name):
            report = await _read(services, brand_id, month, now)
    return page(
        request,
        "catalog/report.html",
        person=person,
        may_edit=person.may(Role.OPERATOR),
        brand=brand,
        month=month,
        text=text,
        error=error,
        report=report,
        before=_month_text(month - timedelta(days=1)),
        after=_month_text(month + timedelta(days=31)) if month < this_month else None,
        now=now,
    )


@router.get("/brands/{brand_id}/report.csv")
async def as_csv(brand_id: BrandId, query: MonthQuery, person: PageViewer, services: Served) -> Response:
    """This month where none is named."""
    now = current_moment()
    brand: Brand = await read_catalog(services, lambda session: get_brand(session, brand_id))
    month = month_of(query.get("month") or _month_text(date_of(zones_of(brand), now)))
    async with services.sharing.heavy(person.name):
        report = await _read(services, brand_id, month, now)
    return StreamingResponse(
        report_csv(report),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="spendgate-report-{_month_text(month)}.csv"'},
    )


async def _read(services: Services, brand_id: str, month: date, now: int) -> Report:
    def read(session: Session) -> Report:
        return read_report(session, brand_id, month, now)

    return await read_catalog(services, read)


def _month_text(day: date) -> str:
    return day.isoformat()[:7]
