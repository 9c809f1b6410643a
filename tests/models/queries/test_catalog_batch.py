"""Many edits at once leave behind what the same edits one by one do, in statements that do not grow with them."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from core.windows import EVERY_DAY, Window
from models.errors import StaleEdit
from models.queries.catalog import changes_of, get_brand, get_campaign
from models.queries.catalog_batch import BrandRowEdit, CampaignRowEdit, lock_rows, write_edits
from models.queries.catalog_edits import (
    CampaignChanges,
    add_brand,
    add_campaign,
    edit_brand,
    edit_campaign,
    edited_record_keys,
    set_windows,
)
from models.session import session_scope
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_outbox import CatalogOutbox

NINE_TO_FIVE = Window(EVERY_DAY, 540, 1020)


def test_history_and_revisions_are_those_of_single_edits(url: str) -> None:
    with session_scope(url) as session:
        add_brand(session, "single", time_zone="UTC", currency="USD", actor="ann", daily_budget_micros=5)
        add_campaign(session, "single.c", brand_id="single", actor="ann", windows=[NINE_TO_FIVE])
        _write(
            session,
            [BrandRowEdit("many", None, {"currency": "USD", "daily_budget_micros": 5}, "UTC")],
            [CampaignRowEdit("many.c", "many", None, {}, [NINE_TO_FIVE])],
        )
    with session_scope(url) as session:
        edit_brand(session, "single", {"daily_budget_micros": 7}, actor="ann")
        edit_campaign(session, "single.c", {"enabled": False}, actor="ann")
        _write(
            session,
            [BrandRowEdit("many", 1, {"daily_budget_micros": 7})],
            [CampaignRowEdit("many.c", "many", 1, {"enabled": False})],
        )
    with session_scope(url) as session:
        assert _history(session, "many") == _history(session, "single")
        assert (get_brand(session, "many").revision, get_campaign(session, "many.c").revision) == (2, 2)
        assert _outbox(session, "many") == _outbox(session, "single") == ["", "c", "", "c"]


def test_a_row_that_changes_in_all_its_fields_has_one_entry(url: str) -> None:
    with session_scope(url) as session:
        add_brand(session, "b", time_zone="UTC", currency="USD", actor="ann")
        add_campaign(session, "c", brand_id="b", actor="ann")
    changes: CampaignChanges = {"name": "new", "total_budget_micros": 1}
    with session_scope(url) as session:
        (brand, campaign) = _write(
            session,
            [BrandRowEdit("b", 1, {"name": "n"}, "Asia/Karachi")],
            [CampaignRowEdit("c", "b", 1, changes, [NINE_TO_FIVE])],
        )
        assert (brand.revision, campaign.revision) == (2, 2)
        assert edited_record_keys(session) == ["b", "b/c"]
        assert [it.time_zone for it in get_brand(session, "b").zones] == ["UTC", "Asia/Karachi"]
        newest, other, *_ = changes_of(session, brand_id="b")
        assert [sorted(it.fields) for it in (newest, other)] == [
            ["name", "total_budget", "windows"],
            ["name", "time_zone"],
        ]


def test_what_would_change_nothing_leaves_nothing_behind(url: str) -> None:
    with session_scope(url) as session:
        add_brand(session, "b", time_zone="UTC", currency="USD", actor="ann")
        add_campaign(session, "c", brand_id="b", actor="ann", windows=[NINE_TO_FIVE])
        edits = [CampaignRowEdit("c", "b", 1, {"name": ""}, [NINE_TO_FIVE])]
        assert _write(session, [BrandRowEdit("b", 1, {"name": ""}, "UTC")], edits) == []
        assert len(_outbox(session, "b")) == 2


def test_windows_are_replaced_and_cleared(url: str) -> None:
    with session_scope(url) as session:
        add_brand(session, "b", time_zone="UTC", currency="USD", actor="ann")
        add_campaign(session, "c", brand_id="b", actor="ann")
        add_campaign(session, "d", brand_id="b", actor="ann", windows=[NINE_TO_FIVE])
        _write(session, [], [CampaignRowEdit("c", "b", 1, {}, [NINE_TO_FIVE]), CampaignRowEdit("d", "b", 1, {}, [])])
    with session_scope(url) as session:
        assert [it.window for it in get_campaign(session, "c").windows] == [NINE_TO_FIVE]
        assert get_campaign(session, "d").windows == []
        set_windows(session, "c", [], actor="ann", expected_revision=2)


def test_one_stale_edit_fails_all_of_them(url: str) -> None:
    with session_scope(url) as session:
        add_brand(session, "b", time_zone="UTC", currency="USD", actor="ann")
        add_campaign(session, "c", brand_id="b", actor="ann")
    with pytest.raises(StaleEdit), session_scope(url) as session:
        _write(session, [BrandRowEdit("b", 1, {"name": "x"})], [CampaignRowEdit("c", "b", 7, {"name": "x"})])
    with session_scope(url) as session:
        assert get_brand(session, "b").name == ""


def test_a_hundred_new_rows_cost_as_many_statements_as_two(url: str, engine: Engine) -> None:
    assert _statements(url, engine, "many", 100) == _statements(url, engine, "few", 2)


def _statements(url: str, engine: Engine, brand_id: str, count: int) -> int:
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    edits = [CampaignRowEdit(f"{brand_id}.{it}", brand_id, None, {}, [NINE_TO_FIVE]) for it in range(count)]
    event.listen(engine, "before_cursor_execute", note)
    try:
        with session_scope(url) as session:
            _write(session, [BrandRowEdit(brand_id, None, {"currency": "USD"}, "UTC")], edits)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(statements)


def _write(
    session: Session, brands: Sequence[BrandRowEdit], campaigns: Sequence[CampaignRowEdit]
) -> list[Brand | Campaign]:
    locked = lock_rows(session, [it.brand_id for it in brands], [it.campaign_id for it in campaigns])
    written = write_edits(session, brands, campaigns, zone_starts_at=60_000, actor="ann")
    del locked
    return written


def _history(session: Session, brand_id: str) -> list[object]:
    return [
        (it.kind, it.campaign_id and it.campaign_id.removeprefix(brand_id), it.actor, _without(it.fields, brand_id))
        for it in changes_of(session, brand_id=brand_id)
    ]


def _without(fields: object, brand_id: str) -> str:
    return repr(sorted(fields.items()) if isinstance(fields, dict) else fields).replace(brand_id, "")


def _outbox(session: Session, brand_id: str) -> list[str]:
    query = select(CatalogOutbox).where(CatalogOutbox.brand_id == brand_id).order_by(CatalogOutbox.outbox_id)
    return [(it.campaign_id or "").removeprefix(f"{brand_id}.") for it in session.scalars(query)]
