"""`/api/v1/catalog/plan`, `/apply` and `/what-if`: the catalog as a file, sent by a program."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response

from console.access.rights import Operator, Viewer
from console.api import schemas
from console.api.bodies import read_declared
from console.api.openapi import documented
from console.server.catalog_edit import edit_catalog
from console.server.catalog_plan import plan_catalog
from console.server.middleware import BODY_BYTES_MAX
from console.server.paging import QueryDay, json_answer
from console.server.problems import HttpProblem
from console.server.services import Served
from models.tables.campaign import Campaign
from models.threads import in_thread
from operations import validation
from operations.catalog_file.application import apply_file
from operations.catalog_file.columns import COLUMN_NAMES
from operations.catalog_file.reading import read_rows
from operations.catalog_file.rows import CatalogFileFormat, FileRows, WrongRows
from operations.catalog_file.views import plan_view, wrong_row_views
from operations.what_if.views import what_if_view
from operations.what_if.what_if import ASKED_EVENTS_MAX, WhatIfRequest
from operations.what_if.what_if import what_if as decide_again
from streams.clock import current_moment

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/catalog", tags=["catalog"])

_JSON: Final = "application/json"
#: Media types of a body; None is JSON.
_FORMATS: Final = {
    _JSON: None,
    "text/csv": CatalogFileFormat.CSV,
    "application/yaml": CatalogFileFormat.YAML,
}
_FILE: Final = {"schema": {"type": "string", "description": "As `spendgate catalog export` writes it."}}
_MORE: Final = {media_type: _FILE for media_type in _FORMATS if media_type != _JSON}
_ABOUT: Final = {412: "Rows were edited since the export: `wrong_rows` lists them, and nothing was changed."}

CatalogRow = msgspec.defstruct(
    "CatalogRow",
    [(name, Any, msgspec.UNSET) for name in COLUMN_NAMES],
    kw_only=True,
    forbid_unknown_fields=True,
    namespace={"__doc__": "A brand, or with a `campaign_id` a campaign. What is left out stays; null clears."},
)


class CatalogRowsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows as `spendgate catalog export --json` writes them. The body may also be the file itself, in CSV or YAML."""

    rows: list[CatalogRow]  # type: ignore[valid-type]


_BODY: Final[dict[str, Any]] = {"body": CatalogRowsBody, "media_types": _MORE, "errors": (412,), "about": _ABOUT}


@router.post("/plan", **documented(schemas.CatalogPlan, **_BODY))
async def plan(request: Request, _: Viewer, services: Served) -> Response:
    """What the rows would change, field by field, and what that would pause and resume now. Changes nothing. A row with
    a `revision` changes what has that revision; one without adds."""
    services.need_broker_and_database()
    file_format, body = await read_declared(request, _FORMATS, BODY_BYTES_MAX)
    with _wrong_rows_as_problem():
        found = await plan_catalog(services, lambda: _rows(file_format, body))
    return json_answer(plan_view(*found))


@router.post("/apply", **documented(schemas.CatalogApplied, **_BODY))
async def apply(
    request: Request,
    person: Operator,
    services: Served,
    note: Annotated[str | None, Query(max_length=500, description="Why, for the history of each row.")] = None,
) -> Response:
    """Makes all edits of the rows in one transaction, or none: `wrong_rows` of a problem lists every row that is wrong.
    What no row speaks of is left alone. Answered when the broker has the documents."""
    file_format, body = await read_declared(request, _FORMATS, BODY_BYTES_MAX)
    why = None if note is None else validation.note(note)
    with _wrong_rows_as_problem():
        rows, why_not_published = await edit_catalog(
            services,
            lambda session: apply_file(
                session, _rows(file_format, body), current_moment(), actor=person.actor, note=why
            ),
        )
    if why_not_published is not None:
        raise HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, why_not_published, kept=True)
    return json_answer(
        {
            "changed": [
                {
                    "brand_id": row.brand_id,
                    "campaign_id": row.campaign_id if isinstance(row, Campaign) else None,
                    "revision": row.revision,
                }
                for row in rows
            ]
        }
    )


@router.post("/what-if", **documented(schemas.WhatIfResult, **{**_BODY, "errors": (404, 412)}))
async def what_if(
    request: Request,
    person: Viewer,
    services: Served,
    from_: Annotated[QueryDay, Query(alias="from", description="The first day, in each brand's time zone.")],
    to: Annotated[QueryDay, Query(description="The last day; at most 366 in all.")],
    brand_id: Annotated[str | None, Query(max_length=64, description="This brand alone.")] = None,
) -> Response:
    """The ledger's spend of a period decided again as if the rows had been in force: which commands differ, and the
    money between. Of up to 200,000 events. Writes nothing."""
    services.need_database()
    file_format, body = await read_declared(request, _FORMATS, BODY_BYTES_MAX)
    asked = WhatIfRequest(from_, to, brand_id, ASKED_EVENTS_MAX)
    async with services.sharing.heavy(person.name):
        with _wrong_rows_as_problem():
            found = await in_thread(_decided_again, services.settings.database, file_format, body, asked)
    return json_answer(found)


def _rows(file_format: CatalogFileFormat | None, body: bytes) -> FileRows:
    return read_rows(io.BytesIO(body), file_format)


def _decided_again(
    url: str, file_format: CatalogFileFormat | None, body: bytes, asked: WhatIfRequest
) -> Mapping[str, Any]:
    """Reading and writing as well are work of seconds for a large file."""
    return what_if_view(decide_again(url, _rows(file_format, body), asked, current_moment()))


@contextmanager
def _wrong_rows_as_problem() -> Iterator[None]:
    try:
        yield
    except WrongRows as error:
        raise HttpProblem(error.http_status, str(error), wrong_rows=wrong_row_views(error.wrong)) from error
