"""The views of the overview that a user has saved."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.queries.paging import storable
from models.tables.saved_view import SavedView

__all__ = ["delete_view", "list_views", "save_view"]

#: More are no help above a list.
_VIEWS_MAX: Final = 20
_TITLE_MAX: Final = 60
_QUERY_MAX: Final = 1_000


def list_views(session: Session, name: str) -> Sequence[SavedView]:
    return session.scalars(select(SavedView).where(SavedView.name == name).order_by(SavedView.title)).all()


def save_view(session: Session, name: str, title: str, query: str) -> None:
    """Save the view, in place of one with the same title. Raises Refused."""
    storable("name", title)
    storable("search", query)
    if not title or len(title) > _TITLE_MAX or not title.isprintable():
        raise Refused(f"The name of a view is refused: write 1 to {_TITLE_MAX} printable characters.")
    if len(query) > _QUERY_MAX:
        raise Refused("This view is refused: its search is too long.")
    known = {it.title: it for it in list_views(session, name)}
    if title in known:
        known[title].query = query
        return
    if len(known) >= _VIEWS_MAX:
        raise Refused(f"You have {_VIEWS_MAX} views: delete one first.")
    session.add(SavedView(name=name, title=title, query=query))
    session.flush()


def delete_view(session: Session, name: str, title: str) -> None:
    """Delete the view; does nothing where it does not exist."""
    storable("name", title)
    session.execute(delete(SavedView).where(SavedView.name == name, SavedView.title == title))
