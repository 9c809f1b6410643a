"""A list costs the same number of queries however long it is."""

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from core.windows import EVERY_DAY, Window
from models.queries.catalog import list_brands, list_campaigns
from models.queries.catalog_edits import add_brand, add_campaign
from models.session import session_scope


@pytest.mark.parametrize("read", [list_brands, list_campaigns])
def test_fifty_rows_cost_as_many_queries_as_one(
    url: str, engine: Engine, read: Callable[[Session], Sequence[object]]
) -> None:
    with session_scope(url) as session:
        _add(session, 0)
    one = _queries(url, engine, read, 1)
    with session_scope(url) as session:
        for number in range(1, 50):
            _add(session, number)
    assert _queries(url, engine, read, 50) == one <= 2


def _add(session: Session, number: int) -> None:
    add_brand(session, f"brand-{number}", time_zone="UTC", currency="USD", actor="ann")
    windows = [Window(EVERY_DAY, 540, 1020)]
    add_campaign(session, f"campaign-{number}", brand_id=f"brand-{number}", actor="ann", windows=windows)


def _queries(url: str, engine: Engine, read: Callable[[Session], Sequence[object]], rows: int) -> int:
    """With all that is shown of a row: zones of a brand, windows of a campaign."""
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        with session_scope(url) as session:
            found = read(session)
            shown = [list(getattr(row, "zones", ())) + list(getattr(row, "windows", ())) for row in found]
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert [len(one) for one in shown] == [1] * rows
    return len(statements)
