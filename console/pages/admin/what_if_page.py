"""The page that decides again on a past period under a catalog file, and writes nothing."""

import io
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from console.access.csrf import FIELDS_MAX
from console.access.rights import PageViewer
from console.rendering.render import page
from console.server.services import Served
from core.calendar import local_date
from core.errors import RefusedValue
from models.errors import RowNotFound
from models.threads import in_thread
from operations import validation
from operations.accounts.person import Person
from operations.catalog_file.reading import format_of, read_rows
from operations.catalog_file.rows import CatalogFileFormat, WrongRows
from operations.what_if.views import what_if_view
from operations.what_if.what_if import ASKED_EVENTS_MAX, WhatIfRequest, what_if
from streams.clock import current_moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_FIELDS: Final = ("from", "to", "brand", "rows")
_DAYS: Final = 7


@router.get("/what-if")
async def show(request: Request, person: PageViewer) -> Response:
    yesterday = local_date("UTC", current_moment()) - timedelta(days=1)
    first = yesterday - timedelta(days=_DAYS - 1)
    texts = {**dict.fromkeys(_FIELDS, ""), "from": first.isoformat(), "to": yesterday.isoformat()}
    return _page(request, person, texts, {})


@router.post("/what-if")
async def decide(request: Request, person: PageViewer, services: Served) -> Response:
    """The form again, with what was found below it."""
    services.need_database()
    async with request.form(max_fields=FIELDS_MAX) as form:
        texts = {name: str(form.get(name) or "").strip() for name in _FIELDS}
        file = form.get("file")
        name, data = (file.filename or "", await file.read()) if isinstance(file, UploadFile) else ("", b"")
    errors: dict[str, str] = {}
    found: Mapping[str, Any] | None = None
    wrong: WrongRows | None = None
    first, last = (_read(errors, it, lambda text: validation.day("This day", text), texts[it]) for it in ("from", "to"))
    brand_id = _read(errors, "brand", lambda text: validation.identifier("brand", text), texts["brand"] or None)
    if not data and not texts["rows"]:
        errors["rows"] = "Choose a file, or paste its rows."
    if not errors:
        asked = WhatIfRequest(first, last, brand_id, ASKED_EVENTS_MAX)
        try:
            file_format = format_of(name, io.BytesIO(data)) if data else CatalogFileFormat.CSV
            text = data or texts["rows"].encode()
            async with services.sharing.heavy(person.name):
                found = await in_thread(_decided_again, services.settings.database, file_format, text, asked)
        except WrongRows as error:
            wrong = error
        except RowNotFound as error:
            errors["brand"] = str(error)
        except RefusedValue as error:
            errors["rows"] = str(error)
    return _page(request, person, texts, errors, found, wrong)


def _decided_again(url: str, file_format: CatalogFileFormat, text: bytes, asked: WhatIfRequest) -> Mapping[str, Any]:
    """Reading and writing as well are work of seconds for a large file."""
    rows = read_rows(io.BytesIO(text), file_format)
    return what_if_view(what_if(url, rows, asked, current_moment()))


def _read(errors: dict[str, str], name: str, read: Any, text: str | None) -> Any:
    try:
        return None if text is None else read(text)
    except RefusedValue as error:
        errors[name] = str(error)
        return None


def _page(
    request: Request,
    person: Person,
    texts: Mapping[str, str],
    errors: Mapping[str, str],
    found: Mapping[str, Any] | None = None,
    wrong: WrongRows | None = None,
) -> Response:
    return page(
        request,
        "catalog/what_if.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors or wrong else HTTPStatus.OK,
        texts=texts,
        errors=errors,
        found=found,
        wrong=wrong.wrong if wrong else [],
    )
