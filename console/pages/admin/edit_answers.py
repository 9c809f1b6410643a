"""What an edit form is answered with, whatever it edits."""

from collections.abc import Collection, Sequence
from http import HTTPStatus

from fastapi import Request, Response

from console.access.rights import safe_next
from console.pages.admin.catalog_access import read_catalog
from console.pages.admin.conflict import FieldVersions
from console.pages.admin.edit_form import EditForm
from console.rendering.flash import SAVED, flash_redirect
from console.rendering.render import page
from console.server.services import Services
from models.queries.catalog import changes_since
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogChange
from operations.accounts.person import Person

__all__ = ["added", "conflict_page", "edits_meanwhile"]


def added(address: str, flash: str, next_address: str = "") -> Response:
    """Redirect to the page that led to the form or, without one, to the page that edits the new brand or campaign."""
    return flash_redirect(safe_next(next_address or f"{address}/edit"), "added" if flash == SAVED else flash)


async def edits_meanwhile(
    services: Services, row: Brand | Campaign, revision: int, names: Collection[str]
) -> list[CatalogChange]:
    """The edits of these fields since the revision with which a form was opened, newest first."""
    found = await read_catalog(services, lambda session: changes_since(session, row, revision))
    return [it for it in found if not it.fields.keys().isdisjoint(names)]


async def conflict_page(
    request: Request,
    person: Person,
    services: Services,
    title: str,
    row: Brand | Campaign,
    form: EditForm,
    versions: Sequence[FieldVersions],
    *,
    time_zone: str,
) -> Response:
    """Others have edited the same fields: which version of each is to stand?"""
    touched = [it.field.name for it in versions if it.seen != it.theirs]
    edits = await edits_meanwhile(services, row, form.revision, touched)
    return page(
        request,
        "catalog/conflict.html",
        person=person,
        status=HTTPStatus.PRECONDITION_FAILED,
        title=title,
        versions=versions,
        revision=row.revision,
        edits=edits,
        edit_of={name: edit for edit in reversed(edits) for name in edit.fields},
        time_zone=time_zone,
    )
