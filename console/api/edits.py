"""Edits of the catalog as programs ask for them: what the editor saw, and the answer."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, TypeVar

from fastapi import Request, Response
from sqlalchemy.orm import Session

from console.api.catalog_edit import edit_catalog
from console.api.pages import json_answer
from console.api.problems import Problem
from console.api.services import Services
from console.views import brand_row_view, campaign_row_view
from models.brand import Brand
from models.campaign import Campaign

__all__ = ["etag", "expected_revision", "make_edit"]

_Row = TypeVar("_Row", Brand, Campaign)

_ETAG: Final = re.compile(r'"(\d{1,9})"', re.ASCII)
_ANY: Final = "*"


def etag(row: Brand | Campaign) -> str:
    """Of what can be edited: it changes with each edit, and not with what is spent."""
    return f'"{row.revision}"'


def expected_revision(request: Request, *, required: bool = False) -> int | None:
    """What `If-Match` says the editor has seen; None is whatever is there, which `If-Match: *` says on purpose."""
    sent = request.headers.get("if-match")
    if sent is None and required:
        raise Problem(
            HTTPStatus.PRECONDITION_REQUIRED,
            "Send `If-Match` with the ETag of what you have read, so that nobody's edit is overwritten unseen.",
        )
    if sent is None or sent.strip() == _ANY:
        return None
    match = _ETAG.fullmatch(sent.strip())
    if match is None:
        raise Problem(
            HTTPStatus.PRECONDITION_FAILED, 'Nothing has that ETag: send the one that you have read, as `"12"`.'
        )
    return int(match[1])


async def make_edit(services: Services, act: Callable[[Session], _Row], status: HTTPStatus = HTTPStatus.OK) -> Response:
    """The row as it is then, once the broker has its document."""
    [row], why_not_published = await edit_catalog(services, lambda session: [act(session)])
    if why_not_published is not None:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, why_not_published, kept=True)
    headers = {"etag": etag(row)}
    if status is HTTPStatus.CREATED:
        name = f"brands/{row.brand_id}" if isinstance(row, Brand) else f"campaigns/{row.campaign_id}"
        headers["location"] = f"/api/v1/{name}"
    return json_answer(brand_row_view(row) if isinstance(row, Brand) else campaign_row_view(row), status, headers)
