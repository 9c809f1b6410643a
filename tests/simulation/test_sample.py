"""Sample data: on the open day, exact, and the same ids each time."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from core.calendar import local_date
from core.moment import format_moment, parse_moment
from models.errors import Refused
from models.queries.catalog_edits import add_brand
from models.session import session_scope
from models.tables.brand import Brand
from simulation.sample import add_sample, sample_spend

NOON = int(datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp() * 1000)


def _events(session: Session, now: int) -> tuple[list[Brand], list[dict[str, Any]]]:
    rows = add_sample(session, actor="tests")
    return [it for it in rows if isinstance(it, Brand)], [json.loads(it.value) for it in sample_spend(rows, now)]


@pytest.mark.parametrize("hours", range(0, 24, 3))
def test_all_of_it_occurs_on_the_day_that_is_open_and_one_brand_is_over_its_budget(
    migrated_url: str, hours: int
) -> None:
    now = NOON + hours * 3_600_000
    with session_scope(migrated_url) as session:
        brands, events = _events(session, now)
        shares = []
        for brand in brands:
            of_brand = [it for it in events if it["brand_id"] == brand.brand_id]
            days = {local_date(brand.time_zone, parse_moment(it["occurred_at"])) for it in of_brand}
            assert days == {local_date(brand.time_zone, now)}
            assert brand.daily_budget_micros
            shares.append(sum(float(it["amount"]) for it in of_brand) * 1e8 / brand.daily_budget_micros)
        session.rollback()
    assert shares[0] > 100 > shares[1] > 60 > shares[2]
    assert len({it["event_id"] for it in events}) == len(events)
    assert max(it["occurred_at"] for it in events) == format_moment(now)


def test_there_is_none_beside_brands_of_ones_own(migrated_url: str) -> None:
    with session_scope(migrated_url) as session:
        add_brand(session, "own", time_zone="UTC", currency="USD", actor="tests")
        with pytest.raises(Refused, match="There are brands already"):
            add_sample(session, actor="tests")
        session.rollback()
