"""Edits of the catalog: what they write, what they refuse, and two editors at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date

import psycopg2
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.overrides import Override, Overrides
from core.windows import EVERY_DAY, Window
from models.errors import AlreadyExists, ModelError, Refused, RowNotFound, StaleEdit
from models.queries import catalog, catalog_edits
from models.queries.catalog import changes_of, get_brand, get_campaign, list_brands, list_campaigns, zones_in_use
from models.session import session_scope
from models.tables.brand import Brand
from models.tables.catalog_outbox import NOTIFY_CHANNEL

NINE_TO_FIVE = Window((0, 1, 2, 3, 4), 540, 1020)
ALWAYS = Window(EVERY_DAY, 0, 1440)


@pytest.fixture(autouse=True)
def _nike(url: str) -> None:
    with session_scope(url) as session:
        catalog_edits.add_brand(
            session,
            "nike",
            time_zone="Asia/Karachi",
            currency="USD",
            actor="ann",
            name="Nike",
            daily_budget_micros=100_000_001,
        )
        catalog_edits.add_campaign(session, "nike-summer", brand_id="nike", actor="ann", windows=[NINE_TO_FIVE])


def test_money_and_moments_come_back_as_they_went_in(url: str, engine: Engine) -> None:
    with session_scope(url) as session:
        catalog_edits.change_time_zone(session, "nike", "UTC", starts_at=1_757_361_600_125, actor="ann")
    with session_scope(url) as session:
        brand = get_brand(session, "nike")
        with engine.connect() as connection:
            row = connection.execute(text("SELECT daily_budget::text FROM brand")).scalar_one()

    assert (brand.daily_budget_micros, row) == (100_000_001, "100.000001")
    assert [(zone.time_zone, zone.starts_at) for zone in brand.zones] == [
        ("Asia/Karachi", None),
        ("UTC", 1_757_361_600_125),
    ]
    assert brand.time_zone == "UTC"


def test_alert_fields_are_kept_and_stand_in_the_history_as_the_document_writes_them(url: str) -> None:
    with session_scope(url) as session:
        catalog_edits.edit_brand(
            session, "nike", {"alert_percents": [50, 80], "silent_after_minutes": 180}, actor="ann"
        )
        catalog_edits.edit_brand(session, "nike", {"alert_percents": []}, actor="ann")
    with session_scope(url) as session:
        brand = get_brand(session, "nike")
        newest, before, _, _ = changes_of(session, brand_id="nike")
    assert (brand.alert_percents, brand.silent_after_minutes) == ([], 180)
    assert newest.fields == {"alert_percents": {"from": [50, 80], "to": []}}
    assert before.fields["alert_percents"] == {"from": None, "to": [50, 80]}


def test_overrides_and_pacing_come_back_and_their_history_is_what_the_document_says(url: str) -> None:
    override = Override(date(2026, 11, 27), date(2026, 11, 30), 500_000_000)
    monthly = Override(date(2026, 12, 1), date(2026, 12, 31), None)
    changes: catalog_edits.BrandChanges = {
        "budget_overrides": Overrides((override,), (monthly,)),
        "monthly_budget_micros": 3_000_000_000,
        "pacing": "even",
    }
    for _ in range(2):
        with session_scope(url) as session:
            catalog_edits.edit_brand(session, "nike", changes, actor="bob")
            catalog_edits.edit_campaign(
                session, "nike-summer", {"budget_overrides": Overrides((override,))}, actor="bob"
            )
    with session_scope(url) as session:
        brand, (campaign_change, change, *_) = get_brand(session, "nike"), changes_of(session, brand_id="nike")
        assert (brand.budget_overrides, brand.pacing) == (Overrides((override,), (monthly,)), "even")
    dated = {"from": "2026-11-27", "to": "2026-11-30", "daily_budget": "500.00"}
    assert campaign_change.fields == {"budget_overrides": {"from": [], "to": [dated]}}
    assert change.fields["budget_overrides"] == {
        "from": [],
        "to": [dated, {"from": "2026-12-01", "to": "2026-12-31", "monthly_budget": None}],
    }
    assert change.fields["pacing"] == {"from": "none", "to": "even"}


def test_pacing_needs_a_monthly_budget(url: str, engine: Engine) -> None:
    with session_scope(url) as session, pytest.raises(Refused, match="monthly budget"):
        catalog_edits.edit_brand(session, "nike", {"pacing": "even"}, actor="bob")
    with pytest.raises(IntegrityError, match="needs_a_monthly_budget"), engine.begin() as connection:
        connection.execute(text("UPDATE brand SET pacing = 'even'"))


def test_an_edit_writes_the_row_its_history_and_one_outbox_row_together(url: str) -> None:
    with session_scope(url) as session:
        catalog_edits.edit_brand(
            session, "nike", {"daily_budget_micros": None, "name": "Nike", "enabled": False}, actor="bob"
        )
        [change, *_] = changes_of(session, brand_id="nike")
        assert (change.actor, change.kind, change.campaign_id) == ("bob", "brand", None)
        assert change.fields == {
            "daily_budget": {"from": "100.000001", "to": None},
            "enabled": {"from": True, "to": False},
        }
        assert waiting(session) == [("nike", None), ("nike", "nike-summer"), ("nike", None)]


def test_the_first_change_of_a_thing_tells_what_it_was_added_with(url: str) -> None:
    with session_scope(url) as session:
        campaign, brand = changes_of(session)
        assert brand.fields == {
            "name": {"from": None, "to": "Nike"},
            "currency": {"from": None, "to": "USD"},
            "daily_budget": {"from": None, "to": "100.000001"},
            "enabled": {"from": None, "to": True},
            "time_zone": {"from": None, "to": "Asia/Karachi"},
        }
        assert campaign.fields["windows"] == {
            "from": None,
            "to": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}],
        }


def test_an_edit_that_is_rolled_back_leaves_nothing(url: str) -> None:
    def edit_and_stumble() -> None:
        with session_scope(url) as session:
            catalog_edits.edit_brand(session, "nike", {"name": "Other"}, actor="bob")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        edit_and_stumble()

    with session_scope(url) as session:
        assert get_brand(session, "nike").name == "Nike"
        assert len(changes_of(session)) == len(waiting(session)) == 2


@pytest.mark.parametrize(
    "edit",
    [
        lambda s: catalog_edits.edit_brand(
            s, "nike", {"name": "Nike", "daily_budget_micros": 100_000_001}, actor="bob"
        ),
        lambda s: catalog_edits.edit_brand(s, "nike", {"currency": "USD"}, actor="bob"),
        lambda s: catalog_edits.change_time_zone(s, "nike", "Asia/Karachi", starts_at=1, actor="bob"),
        lambda s: catalog_edits.edit_campaign(s, "nike-summer", {"starts_on": None}, actor="bob"),
        lambda s: catalog_edits.set_windows(s, "nike-summer", [NINE_TO_FIVE, NINE_TO_FIVE], actor="bob"),
    ],
)
def test_a_change_of_nothing_writes_nothing(url: str, edit: Callable[[Session], Brand]) -> None:
    with session_scope(url) as session:
        assert edit(session).revision == 1
        assert len(changes_of(session)) == len(waiting(session)) == 2


def test_windows_are_replaced_whole_and_told_in_the_history(url: str) -> None:
    with session_scope(url) as session:
        campaign = catalog_edits.set_windows(session, "nike-summer", [ALWAYS], actor="bob")
        assert [row.window for row in campaign.windows] == [ALWAYS]
        assert campaign.revision == 2
        [change, *_] = changes_of(session, campaign_id="nike-summer")
        assert change.fields["windows"] == {
            "from": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}],
            "to": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00"}],
        }
    with session_scope(url) as session:
        assert catalog_edits.set_windows(session, "nike-summer", [], actor="bob").windows == []


def test_a_time_zone_change_is_added_and_cannot_go_before_another(url: str) -> None:
    with session_scope(url) as session:
        brand = catalog_edits.change_time_zone(session, "nike", "UTC", starts_at=2_000, actor="bob")
        assert brand.revision == 2
    with session_scope(url) as session, pytest.raises(Refused, match="already changes"):
        catalog_edits.change_time_zone(session, "nike", "Europe/Rome", starts_at=2_000, actor="bob")
    with session_scope(url) as session:
        assert zones_in_use(session) == ["Asia/Karachi", "UTC"]


@pytest.mark.parametrize(
    ("edit", "error", "sentence"),
    [
        (
            lambda s: catalog_edits.add_brand(s, "nike", time_zone="UTC", currency="USD", actor="b"),
            AlreadyExists,
            "nike",
        ),
        (
            lambda s: catalog_edits.add_brand(s, "a b", time_zone="UTC", currency="USD", actor="b"),
            Refused,
            "form of an id",
        ),
        (
            lambda s: catalog_edits.add_campaign(s, "nike-summer", brand_id="nike", actor="b"),
            AlreadyExists,
            "never used",
        ),
        (lambda s: catalog_edits.add_campaign(s, "c", brand_id="nobody", actor="b"), RowNotFound, "no brand nobody"),
        (lambda s: catalog_edits.edit_brand(s, "nobody", {"name": "x"}, actor="b"), RowNotFound, "no brand nobody"),
        (
            lambda s: catalog_edits.edit_campaign(s, "nobody", {"name": "x"}, actor="b"),
            RowNotFound,
            "no campaign nobody",
        ),
        (lambda s: catalog_edits.edit_brand(s, "nike", {"currency": "EUR"}, actor="b"), Refused, "cannot be changed"),
        (
            lambda s: catalog_edits.edit_brand(s, "nike", {"daily_budget_micros": -1}, actor="b"),
            Refused,
            "0 or more and below 1000000000000",
        ),
        (
            lambda s: catalog_edits.edit_brand(s, "nike", {"daily_budget_micros": 10**20}, actor="b"),
            Refused,
            "overflow",
        ),
        (lambda s: catalog_edits.edit_brand(s, "nike", {"name": "\0"}, actor="b"), Refused, "cannot keep"),
        (lambda s: catalog_edits.edit_brand(s, "nike", {"name": "\ud800"}, actor="b"), Refused, "cannot keep"),
        (lambda s: catalog_edits.edit_brand(s, "nike", {"name": "x"}, actor=""), Refused, "actor is 1 to 200"),
        (
            lambda s: catalog_edits.set_windows(s, "nike-summer", [Window((0,), 5, 5)], actor="b"),
            Refused,
            "from and to differ",
        ),
        (
            lambda s: catalog_edits.edit_campaign(
                s, "nike-summer", {"starts_on": date(2025, 1, 2), "ends_on": date(2025, 1, 1)}, actor="b"
            ),
            Refused,
            "ends on is not before starts on",
        ),
        (lambda s: get_brand(s, "nobody"), RowNotFound, "no brand nobody"),
        (lambda s: get_campaign(s, "nobody"), RowNotFound, "no campaign nobody"),
    ],
)
def test_a_refusal_says_why_and_changes_nothing(
    url: str, edit: Callable[[Session], object], error: type[ModelError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence), session_scope(url) as session:
        edit(session)

    with session_scope(url) as session:
        assert len(changes_of(session)) == 2


def test_editors_of_different_fields_at_once_lose_nothing(url: str) -> None:
    together = threading.Barrier(8)

    def edit(n: int) -> None:
        together.wait()
        with session_scope(url) as session:
            if n % 2:
                catalog_edits.edit_brand(session, "nike", {"daily_budget_micros": n}, actor="bob")
            else:
                catalog_edits.edit_brand(session, "nike", {"name": f"Nike {n}"}, actor="eve")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(edit, range(1, 9)))

    with session_scope(url) as session:
        brand = get_brand(session, "nike")
        assert brand.name.startswith("Nike ")
        assert brand.daily_budget_micros in (1, 3, 5, 7)
        assert brand.revision == 9
        assert_history_is_a_chain(session)


def test_of_two_who_saw_the_same_revision_the_second_is_told(url: str) -> None:
    with session_scope(url) as session:
        seen = get_brand(session, "nike").revision
        catalog_edits.edit_brand(session, "nike", {"name": "One"}, actor="bob", expected_revision=seen)
    with session_scope(url) as session:
        window_seen = get_campaign(session, "nike-summer").revision
        catalog_edits.set_windows(session, "nike-summer", [], actor="bob", expected_revision=window_seen)

    for edit in (
        lambda s: catalog_edits.edit_brand(s, "nike", {"name": "Two"}, actor="eve", expected_revision=seen),
        lambda s: catalog_edits.change_time_zone(s, "nike", "UTC", starts_at=1, actor="eve", expected_revision=seen),
        lambda s: catalog_edits.set_windows(s, "nike-summer", [ALWAYS], actor="eve", expected_revision=window_seen),
        lambda s: catalog_edits.edit_campaign(
            s, "nike-summer", {"name": "x"}, actor="eve", expected_revision=window_seen
        ),
    ):
        with pytest.raises(StaleEdit), session_scope(url) as session:
            edit(session)


def test_a_row_written_past_the_catalog_functions_is_locked_optimistically(url: str) -> None:
    def edit_what_another_has_edited() -> None:
        with session_scope(url) as session:
            brand = get_brand(session, "nike")
            with session_scope(url) as other:
                catalog_edits.edit_brand(other, "nike", {"name": "First"}, actor="bob")
            brand.name = "Second"

    with pytest.raises(StaleEdit):
        edit_what_another_has_edited()


def test_adding_the_same_brand_at_once_succeeds_once(url: str) -> None:
    together = threading.Barrier(4)

    def add(_: int) -> bool:
        together.wait()
        try:
            with session_scope(url) as session:
                catalog_edits.add_brand(session, "adidas", time_zone="UTC", currency="EUR", actor="bob")
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(add, range(4))) == [False, False, False, True]


def test_an_edit_is_notified_at_its_commit(url: str) -> None:
    with closing(psycopg2.connect(url)) as listener:
        listener.autocommit = True
        listener.cursor().execute(f"LISTEN {NOTIFY_CHANNEL}")
        with session_scope(url) as session:
            catalog_edits.edit_brand(session, "nike", {"name": "Other"}, actor="bob")
            listener.poll()
            assert listener.notifies == []
        listener.cursor().execute("SELECT 1")

        assert [notify.channel for notify in listener.notifies] == [NOTIFY_CHANNEL]


def test_lists_are_paged_searched_and_filtered(url: str) -> None:
    with session_scope(url) as session:
        for n in range(4):
            catalog_edits.add_brand(session, f"b{n}", time_zone="UTC", currency="EUR", actor="bob", name=f"50% off {n}")
            catalog_edits.add_campaign(session, f"c{n}", brand_id=f"b{n % 2}", actor="bob")
        catalog_edits.edit_brand(session, "b3", {"archived": True}, actor="bob")

        assert [brand.brand_id for brand in list_brands(session, limit=2)] == ["b0", "b1"]
        assert [brand.brand_id for brand in list_brands(session, after="b1", limit=2)] == ["b2", "b3"]
        assert [brand.brand_id for brand in list_brands(session, search="% OFF 1")] == ["b1"]
        assert [brand.brand_id for brand in list_brands(session, archived=True)] == ["b3"]
        assert [campaign.campaign_id for campaign in list_campaigns(session, brand_id="b1")] == ["c1", "c3"]
        assert [campaign.campaign_id for campaign in list_campaigns(session, search="SUMM")] == ["nike-summer"]
        assert [campaign.campaign_id for campaign in list_campaigns(session, brand_id="b1", search=" c ", limit=1)] == [
            "c1"
        ]
        newest = changes_of(session, limit=1)
        assert newest[0].fields == {"archived": {"from": False, "to": True}}
        assert changes_of(session, before=newest[0].change_id, limit=1)[0].campaign_id == "c3"


def test_a_search_without_a_limit_finds_more_rows_than_one_slice(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_SLICE", 2)
    with session_scope(url) as session:
        for n in range(5):
            catalog_edits.add_brand(session, f"b{n}", time_zone="UTC", currency="EUR", actor="bob")
            catalog_edits.add_campaign(session, f"b{n}.c", brand_id=f"b{n}", actor="bob")
        assert [brand.brand_id for brand in list_brands(session, search="B")] == [f"b{n}" for n in range(5)]
        assert [brand.brand_id for brand in list_brands(session, search="b", limit=3)] == ["b0", "b1", "b2"]
        assert [campaign.campaign_id for campaign in list_campaigns(session, search=".C")] == [
            f"b{n}.c" for n in range(5)
        ]


@pytest.mark.parametrize(("named", "search"), [("Straße", "STRASSE"), ("ΟΔΟΣ", "οδος"), ("İzmir", "i̇zmir")])
def test_a_search_knows_the_capitals_of_every_alphabet(url: str, named: str, search: str) -> None:
    with session_scope(url) as session:
        for id_, name in (("b", named), ("other", "Other")):
            catalog_edits.add_brand(session, id_, time_zone="UTC", currency="EUR", actor="bob", name=name)
            catalog_edits.add_campaign(session, f"{id_}.c", brand_id=id_, actor="bob", name=name)
        assert [brand.brand_id for brand in list_brands(session, search=search)] == ["b"]
        assert [campaign.campaign_id for campaign in list_campaigns(session, search=search)] == ["b.c"]


def waiting(session: Session) -> list[tuple[str, str | None]]:
    query = "SELECT brand_id, campaign_id FROM catalog_outbox WHERE published_at IS NULL ORDER BY outbox_id"
    return [(row.brand_id, row.campaign_id) for row in session.execute(text(query))]


def assert_history_is_a_chain(session: Session) -> None:
    """Each edit starts from what the one before has left."""
    last: dict[str, object] = {}
    for change in reversed(changes_of(session, brand_id="nike")):
        if change.campaign_id is None:
            for field, values in change.fields.items():
                assert values["from"] == last.get(field)
                last[field] = values["to"]
