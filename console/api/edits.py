"""Edits of the catalog through the API: ETag and If-Match, actions, the answer."""

import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from console.api.openapi import documented
from console.rendering.ids_in_addresses import in_address
from console.server.catalog_edit import edit_catalog
from console.server.paging import json_answer
from console.server.problems import HttpProblem
from console.server.services import Services
from models.errors import RowNotFound
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogEntity
from operations import validation
from operations.accounts.person import Person
from operations.catalog_actions import CatalogAction
from operations.catalog_views import row_view

__all__ = ["add_actions", "etag", "expected_revision", "make_edit", "take_action", "view_answer"]

_Row = TypeVar("_Row", bound=Brand | Campaign)

_ETAG: Final = re.compile(r'(W/)?"([^"]*)"')
_REVISION: Final = re.compile(r"\d{1,9}", re.ASCII)
_ANY: Final = "*"


def etag(row: Brand | Campaign) -> str:
    """The row's revision: it changes with each edit and not with spend."""
    return f'"{row.revision}"'


def view_answer(what: str, view: bytes | None, row: Brand | Campaign | None) -> Response:
    """The JSON of what the controller holds, with the ETag of the row; RowNotFound where there is no view of `what`."""
    if view is None:
        raise RowNotFound(f"There is no {what}.")
    return Response(view, headers={"etag": etag(row)} if row else None, media_type="application/json")


def expected_revision(request: Request, row: Brand | Campaign | None, *, required: bool = False) -> int | None:
    """The revision that `If-Match` requires; None for any, which is `If-Match: *` or no header where none is required.

    Of a list of ETags the one of `row` is taken, else any of them: the edit then fails as stale. Raises HttpProblem:
    428 where the header is required and missing, 412 where no ETag in it is one of ours."""
    sent = ",".join(request.headers.getlist("if-match")).strip()
    if not sent and required:
        raise HttpProblem(
            HTTPStatus.PRECONDITION_REQUIRED,
            "Send `If-Match` with the ETag of what you have read, so that nobody's edit is overwritten unseen.",
        )
    if sent in ("", _ANY):
        return None
    revisions = _revisions(sent)
    if not revisions:
        raise HttpProblem(
            HTTPStatus.PRECONDITION_FAILED, 'Nothing has that ETag: send the one that you have read, as `"12"`.'
        )
    return row.revision if row and row.revision in revisions else revisions[-1]


def _revisions(sent: str) -> list[int]:
    """The revisions in a list of strong ETags; empty where the header is not such a list. A weak ETag never matches."""
    if _ETAG.sub("", sent).strip(" \t,"):
        return []
    return [int(tag) for weak, tag in _ETAG.findall(sent) if not weak and _REVISION.fullmatch(tag)]


def add_actions(
    router: APIRouter,
    path: str,
    row: type[msgspec.Struct],
    descriptions: Mapping[CatalogAction, str],
    endpoint: Callable[[CatalogAction], Callable[..., Awaitable[Response]]],
) -> None:
    """A POST route below `path` for each action. What is paused already may be paused again, so `If-Match` is not
    required; one that is sent must match."""
    for action, description in descriptions.items():
        router.add_api_route(
            f"{path}/{action}",
            endpoint(action),
            methods=["POST"],
            name=action,
            description=description,
            **documented(row, errors=(404, 412)),
        )


async def take_action(
    request: Request, services: Services, person: Person, action: CatalogAction, kind: CatalogEntity, row_id: str
) -> Response:
    """Make the action's change of a brand or campaign, and answer as `make_edit` does."""
    row_id = validation.identifier(kind, row_id)
    catalog = services.catalog
    row = catalog.brand(row_id) if kind is CatalogEntity.BRAND else catalog.campaign(row_id)
    expected = expected_revision(request, row)
    return await make_edit(
        services,
        lambda session: action.apply(session, kind, row_id, actor=person.actor, expected_revision=expected),
    )


async def make_edit(
    services: Services, edit: Callable[[Session], _Row], status: HTTPStatus = HTTPStatus.OK
) -> Response:
    """Answers with the committed row once the broker has its document; HttpProblem 503 with `kept` where it has not."""
    [row], why_not_published = await edit_catalog(services, lambda session: [edit(session)])
    if why_not_published is not None:
        raise HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, why_not_published, kept=True)
    headers = {"etag": etag(row)}
    if status is HTTPStatus.CREATED:
        kind, an_id = ("brands", row.brand_id) if isinstance(row, Brand) else ("campaigns", row.campaign_id)
        headers["location"] = f"/api/v1/{kind}/{in_address(an_id)}"
    return json_answer(row_view(row), status, headers)
