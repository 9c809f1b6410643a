"""The catalog as a file on a page: what it would change, pause and resume; then all of it is applied, or none."""

import io
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData, UploadFile

from console.access.csrf import FIELDS_MAX
from console.access.rights import PageOperator, safe_next
from console.pages.admin.history import FieldChange, field_change
from console.rendering.flash import SAVED, flash_redirect
from console.rendering.render import page
from console.server.catalog_edit import edit_catalog
from console.server.catalog_plan import plan_catalog
from console.server.services import Served, Services
from core.errors import RefusedValue
from operations import validation
from operations.accounts.person import Person
from operations.catalog_file.application import apply_file
from operations.catalog_file.reading import format_of, read_rows
from operations.catalog_file.rows import CatalogFileFormat, FileRows, WrongRow, WrongRows
from operations.catalog_file.views import plan_view
from operations.dangerous_budgets import dangers_of_plan
from operations.spend_import.text_lines import utf8_chunks
from streams.clock import current_moment

__all__ = ["SentRows", "plan_page", "router"]

router = APIRouter(include_in_schema=False)

_ADDRESS: Final = "/catalog-file"
#: The name of rows that a page of the console has made.
_JSON: Final = "json"


class SentRows(NamedTuple):
    """Rows of the catalog as text: `csv`, `yaml` or `json`."""

    format: str
    text: str
    #: Why, for the history of each row; and the page to go to once they are applied.
    note: str = ""
    next: str = _ADDRESS

    @classmethod
    def of_form(cls, form: FormData) -> "SentRows":
        format_, rows, note = (str(form.get(name) or "").strip() for name in ("format", "rows", "note"))
        return cls(format_, rows, note, safe_next(str(form.get("next") or _ADDRESS)))

    def read(self) -> FileRows:
        is_json = self.format == _JSON
        file_format = (
            None if is_json else CatalogFileFormat(validation.one_of("format", self.format, list(CatalogFileFormat)))
        )
        return read_rows(io.BytesIO(self.text.encode()), file_format)


class _Line(NamedTuple):
    """A row that differs, in words."""

    thing: str
    is_new: bool
    fields: Sequence[FieldChange]


@router.get(_ADDRESS)
async def show(request: Request, person: PageOperator) -> Response:
    return _form_page(request, person, SentRows("", ""))


@router.post(_ADDRESS)
async def plan(request: Request, person: PageOperator, services: Served) -> Response:
    """Shows what the file would change. Changes nothing."""
    async with request.form(max_fields=FIELDS_MAX) as form:
        sent = SentRows.of_form(form)
        file = form.get("file")
        name, data = (file.filename or "", await file.read()) if isinstance(file, UploadFile) else ("", b"")
    try:
        if data:
            sent = sent._replace(format=format_of(name, io.BytesIO(data)), text=_text_of(data))
        elif not sent.text:
            raise RefusedValue("Choose a file, or paste its rows.")
        else:
            sent = sent._replace(format=sent.format or CatalogFileFormat.CSV)
        return await plan_page(request, person, services, sent)
    except WrongRows as error:
        return _form_page(request, person, sent, wrong=error)
    except RefusedValue as error:
        return _form_page(request, person, sent, error=str(error))


@router.post(f"{_ADDRESS}/apply")
async def apply(request: Request, person: PageOperator, services: Served) -> Response:
    """Applies all rows or, where one is wrong or was edited meanwhile, none. Redirects, so that loading the page again
    applies nothing."""
    async with request.form(max_fields=FIELDS_MAX) as form:
        sent = SentRows.of_form(form)
    try:
        note = validation.note(sent.note) if sent.note else None
        now = current_moment()
        _, why_not_published = await edit_catalog(
            services, lambda session: apply_file(session, sent.read(), now, actor=person.actor, note=note)
        )
    except WrongRows as error:
        return _form_page(request, person, sent, wrong=error)
    except RefusedValue as error:
        return _form_page(request, person, sent, error=str(error))
    return flash_redirect(sent.next, SAVED if why_not_published is None else "kept")


async def plan_page(
    request: Request,
    person: Person,
    services: Services,
    sent: SentRows,
    *,
    title: str = "Apply this file?",
) -> Response:
    """The question before rows are applied. Raises WrongRows and RefusedValue."""
    if sent.note:
        validation.note(sent.note)
    found = await plan_catalog(services, sent.read)
    view: Mapping[str, Any] = plan_view(*found)
    return page(
        request,
        "catalog/catalog_plan.html",
        person=person,
        title=title,
        sent=sent,
        plan=view,
        dangers=dangers_of_plan(found.planned),
        lines=[_line(it) for it in view["differences"]],
    )


def _line(difference: Mapping[str, Any]) -> _Line:
    is_new = difference["is_new"]
    fields = [
        field_change(name, values, is_new, difference["currency"]) for name, values in difference["fields"].items()
    ]
    return _Line(difference["campaign_id"] or difference["brand_id"], is_new, fields)


def _form_page(
    request: Request, person: Person, sent: SentRows, *, wrong: WrongRows | None = None, error: str = ""
) -> Response:
    rows: Sequence[WrongRow] = wrong.wrong if wrong else ()
    status = HTTPStatus(wrong.http_status) if wrong else HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    return page(request, "catalog/catalog_file.html", person=person, status=status, sent=sent, wrong=rows, error=error)


def _text_of(data: bytes) -> str:
    """The file as the text that the page carries along."""
    try:
        return b"".join(utf8_chunks(io.BytesIO(data))).decode()
    except UnicodeDecodeError:
        raise RefusedValue("The file is no text in UTF-8 or UTF-16: save it as CSV in UTF-8.") from None
