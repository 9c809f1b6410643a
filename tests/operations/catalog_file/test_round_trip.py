"""What a file says of the catalog is what is read from it, whatever people have typed or a spreadsheet would change."""

import io
import json
from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy.orm.attributes import set_committed_value

from core.errors import RefusedValue
from core.moment import parse_moment
from core.money import LIMIT_MICROS
from core.overrides import Override, Overrides
from core.records import BrandDocument
from core.windows import Window
from models.queries.catalog_batch import CatalogRows
from models.tables.brand import Brand, BrandZone
from models.tables.campaign import Campaign
from models.tables.daypart_window import DaypartWindow, window_columns
from operations.catalog_file.csv_rows import csv_rows
from operations.catalog_file.difference import Comparison, RowDifference, compare
from operations.catalog_file.effects import planned_document
from operations.catalog_file.json_rows import json_rows
from operations.catalog_file.kinds import windows_in_order
from operations.catalog_file.rows import CatalogFileFormat, FileRow, FileRows, Value
from operations.catalog_file.text_cells import text_cell, text_in
from operations.catalog_file.written import exported, file_text
from operations.catalog_file.yaml_rows import yaml_rows
from schedulers.catalog_relay.documents import document_of

#: What a spreadsheet runs, splits, or takes for something else; CSV and YAML too.
HARD = [
    "=1+1",
    "+1",
    "-1",
    "@x",
    "'=1",
    "''7",
    "007",
    "1e5",
    "2024-01-02",
    "mar-1",
    "true",
    "null",
    "~",
    "no",
    '"',
    "a;b",
    "#",
    "- x",
]
TEXTS = st.one_of(
    st.sampled_from(HARD),
    st.text(st.characters(codec="utf-8"), max_size=20).filter(str.isprintable),
)
IDS = st.one_of(
    st.text("AZaz09._:-", min_size=1, max_size=8), st.sampled_from(["007", "-1", "1e5", "12:30", "MAR1", "NO", "null"])
)
BUDGETS = st.none() | st.integers(0, LIMIT_MICROS)
_FIRST_DAYS = st.sets(st.integers(0, 40), max_size=3)


@st.composite
def overrides(draw: st.DrawFn, *, has_monthly: bool) -> Overrides:
    """Of one to three days each, and of whole months."""
    daily = [date(2026, 1, 1) + timedelta(days=4 * it) for it in sorted(draw(_FIRST_DAYS))]
    months = sorted(draw(st.sets(st.integers(1, 11), max_size=2 if has_monthly else 0)))
    return Overrides(
        tuple(Override(it, it + timedelta(days=draw(st.integers(0, 3))), draw(BUDGETS)) for it in daily),
        tuple(Override(date(2026, it, 1), date(2026, it + 1, 1) - timedelta(days=1), draw(BUDGETS)) for it in months),
    )


DAYS = st.none() | st.dates(date(1970, 1, 1))
WINDOWS = st.lists(
    st.builds(
        Window,
        st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
        st.integers(0, 1439),
        st.integers(0, 1440),
    ).filter(lambda it: it.from_minute != it.to_minute),
    max_size=4,
    unique=True,
)


ZONE_STARTS_AT = parse_moment("2026-01-01T00:01:00Z")
NOTHING = CatalogRows({}, {})


@st.composite
def catalogs(draw: st.DrawFn) -> CatalogRows:
    brands = [draw(_brand(brand_id)) for brand_id in draw(st.sets(IDS, min_size=1, max_size=3))]
    owners = st.sampled_from([brand.brand_id for brand in brands])
    campaigns = [draw(_campaign(campaign_id, draw(owners))) for campaign_id in draw(st.sets(IDS, max_size=3))]
    return CatalogRows({it.brand_id: it for it in brands}, {it.campaign_id: it for it in campaigns})


@st.composite
def _brand(draw: st.DrawFn, brand_id: str) -> Brand:
    monthly = draw(BUDGETS)
    brand = Brand(
        brand_id=brand_id,
        name=draw(TEXTS),
        currency=draw(st.sampled_from(["USD", "PKR"])),
        daily_budget_micros=draw(BUDGETS),
        monthly_budget_micros=monthly,
        budget_overrides=draw(overrides(has_monthly=True)),
        pacing=draw(st.sampled_from(["none", "even"] if monthly is not None else ["none"])),
        enabled=draw(st.booleans()),
        archived=draw(st.booleans()),
        epoch=1,
        revision=draw(st.integers(1, 1 << 31 - 1)),
        alert_percents=draw(st.none() | st.sets(st.integers(1, 1000), max_size=10).map(sorted)),
        silent_after_minutes=draw(st.none() | st.integers(5, 10_080)),
    )
    set_committed_value(brand, "zones", [BrandZone(time_zone=draw(st.sampled_from(["UTC", "Asia/Karachi"])))])
    return brand


@st.composite
def _campaign(draw: st.DrawFn, campaign_id: str, brand_id: str) -> Campaign:
    starts_on, ends_on = draw(DAYS), draw(DAYS)
    if starts_on and ends_on and ends_on < starts_on:
        starts_on, ends_on = ends_on, starts_on
    campaign = Campaign(
        campaign_id=campaign_id,
        brand_id=brand_id,
        name=draw(TEXTS),
        external_id=draw(st.none() | TEXTS.filter(lambda text: text.lower() != "none")),
        daily_budget_micros=draw(BUDGETS),
        total_budget_micros=draw(BUDGETS),
        budget_overrides=draw(overrides(has_monthly=False)),
        starts_on=starts_on,
        ends_on=ends_on,
        enabled=draw(st.booleans()),
        archived=draw(st.booleans()),
        revision=draw(st.integers(1, 9)),
    )
    set_committed_value(
        campaign, "windows", [DaypartWindow(**window_columns(it)) for it in windows_in_order(draw(WINDOWS))]
    )
    return campaign


def _files(catalog: CatalogRows) -> list[FileRows]:
    rows = _rows(catalog)
    written = {it: "".join(file_text(rows, it)).encode() for it in CatalogFileFormat}
    return [
        csv_rows(io.BytesIO(written[CatalogFileFormat.CSV])),
        yaml_rows(written[CatalogFileFormat.YAML]),
        json_rows(json.dumps({"rows": [exported(row) for row in rows]}).encode()),
    ]


@given(catalogs())
def test_what_is_exported_says_what_is_there(catalog: CatalogRows) -> None:
    for file in _files(catalog):
        assert file.wrong == []
        assert compare(file.rows, catalog, 0) == Comparison([], [], len(file.rows))


@given(catalogs(), st.data())
def test_every_field_that_a_file_changes_is_a_difference_and_no_other(
    catalog: CatalogRows, data: st.DataObject
) -> None:
    """The exported rows of another catalog with the same ids and revisions."""
    other = CatalogRows(
        {it: data.draw(_brand(it)) for it in catalog.brands},
        {it.campaign_id: data.draw(_campaign(it.campaign_id, it.brand_id)) for it in catalog.campaigns.values()},
    )
    for brand_id, brand in other.brands.items():
        brand.revision, brand.currency = catalog.brands[brand_id].revision, catalog.brands[brand_id].currency
    for campaign_id, campaign in other.campaigns.items():
        campaign.revision = catalog.campaigns[campaign_id].revision
    expected = {
        (after["brand_id"], after.get("campaign_id")): _different(before, after)
        for before, after in zip(_exported(catalog), _exported(other), strict=True)
        if before != after
    }
    for file in _files(other)[1:]:  # in CSV an empty name says nothing
        comparison = compare(file.rows, catalog, 0)
        assert comparison.wrong == []
        found = {(it.brand_id, it.campaign_id): _names(it) for it in comparison.differences}
        assert found == expected
        for difference in comparison.differences:
            _assert_planned(difference, catalog, other)


@given(catalogs(), IDS)
def test_a_campaign_in_a_row_of_another_brand_is_a_wrong_row(catalog: CatalogRows, brand_id: str) -> None:
    """Also where nothing else of it differs: whoever wrote the row meant to move the campaign."""
    moved = [exported(it) | {"brand_id": brand_id} for it in catalog.campaigns.values() if it.brand_id != brand_id]
    comparison = compare([FileRow(line, row) for line, row in enumerate(moved)], catalog, 0)
    assert ["it belongs to brand" in it.message for it in comparison.wrong] == [True] * len(moved)
    assert comparison.unchanged == 0


def _assert_planned(difference: RowDifference, before: CatalogRows, after: CatalogRows) -> None:
    """Its document is the one that the relay will publish."""
    planned = planned_document(difference, 7, known=before, zone_starts_at=ZONE_STARTS_AT)
    if difference.campaign_id is not None:
        assert planned == document_of(after.campaigns[difference.campaign_id], 7)
        return
    assert isinstance(planned, BrandDocument)
    zones, first = [it.time_zone for it in planned.zones], before.brands[difference.brand_id].time_zone
    there = after.brands[difference.brand_id]
    assert zones == ([first] if there.time_zone == first else [first, there.time_zone])
    assert replace(planned, zones=[]) == replace(document_of(there, 7), zones=[])


def _rows(catalog: CatalogRows) -> list[Brand | Campaign]:
    return [*catalog.brands.values(), *catalog.campaigns.values()]


def _exported(catalog: CatalogRows) -> list[dict[str, Value]]:
    return [exported(row) for row in _rows(catalog)]


def _different(before: dict[str, Value], after: dict[str, Value]) -> set[str]:
    return {name for name, value in after.items() if before[name] != value}


def _names(difference: RowDifference) -> set[str]:
    return {field.column.name for field in difference.fields}


@given(TEXTS)
def test_a_text_in_a_cell_is_that_text_again(text: str) -> None:
    assert text_in(text_cell(text)) == text


@pytest.mark.parametrize(
    "text", ["007", "12345678901234567890", "1e5", "2024-01-02", "12:30", "mar-1", "1 March", "=1+1", "@a", "TRUE"]
)
def test_a_text_that_a_spreadsheet_would_change_has_an_apostrophe(text: str) -> None:
    assert text_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["nike", "nike-2024", "Marathon", "May flowers", "a1", "", "it's"])
def test_any_other_text_is_its_own_cell(text: str) -> None:
    assert text_cell(text) == text


def test_a_spreadsheet_may_have_saved_it_with_semicolons_in_utf_16() -> None:
    text = 'sep=;\r\nBrand_ID;daily_budget;\r\nnike;"100";\r\n;;\r\n'
    for data in (text.encode("utf-16"), text.encode("utf-8-sig")):
        file = csv_rows(io.BytesIO(data))
        assert [(row.line, row.values) for row in file.rows] == [(3, {"brand_id": "nike", "daily_budget": "100"})]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"brand_id,colour\nnike,red\n", "colour"),
        (b"brand_id,brand_id\nnike,nike\n", "twice"),
        (b"\n\n", "none"),
        (b"PK\x03\x04", "Excel"),
    ],
)
def test_what_is_no_catalog_file_is_refused_with_a_sentence(text: bytes, where: str) -> None:
    with pytest.raises(RefusedValue, match=where):
        csv_rows(io.BytesIO(text))


def test_pacing_without_a_monthly_budget_is_a_wrong_row() -> None:
    brand: dict[str, Value] = {"brand_id": "nike", "time_zone": "UTC", "currency": "USD", "pacing": "even"}
    ((line, message, _),) = compare([FileRow(2, brand)], NOTHING, 0).wrong
    assert (line, "needs a monthly budget" in message) == (2, True)
    assert compare([FileRow(2, brand | {"monthly_budget": "5"})], NOTHING, 0).wrong == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-01-01..2026-01-31 monthly=5", "a campaign has no monthly budget"),
        ("2026-01-02..2026-01-01 daily=5", "end before it begins"),
        ("2026-01-02 daily=5; 2026-01-01..2026-01-03 daily=6", "overlap"),
        ("2026-01-02 500", "no budget override"),
        ("next week", "no date"),
        ("2026-01-02 daily=5,00", "daily budget"),
    ],
)
def test_a_wrong_dated_budget_is_a_wrong_row(text: str, said: str) -> None:
    campaign: dict[str, Value] = {"brand_id": "nike", "campaign_id": "summer", "budget_overrides": text}
    brand: dict[str, Value] = {"brand_id": "nike", "time_zone": "UTC", "currency": "USD"}
    messages = [it.message for it in compare([FileRow(2, brand), FileRow(3, campaign)], NOTHING, 0).wrong]
    assert [said in it for it in messages] == [True], messages


def test_dated_budgets_are_cleared_by_none_and_kept_by_an_empty_cell() -> None:
    text = "brand_id,time_zone,currency,budget_overrides\nnike,UTC,USD,{}\n"
    found = []
    for cell in ("none", "", '"2026-01-02 daily=5; 2026-02-01..2026-02-28 monthly=none"'):
        rows = csv_rows(io.BytesIO(text.format(cell).encode())).rows
        [difference] = compare(rows, NOTHING, 0).differences
        found.append({it.column.name: it.after for it in difference.fields}.get("budget_overrides"))
    day, february = date(2026, 1, 2), (date(2026, 2, 1), date(2026, 2, 28))
    dated = Overrides((Override(day, day, 5_000_000),), (Override(*february, None),))
    assert found == [Overrides(), None, dated]


def test_aliases_are_refused_so_that_few_lines_are_not_billions_of_values() -> None:
    bomb = b"- brand_id: x\n  windows: [&a [x, x], &b [*a, *a], [*b, *b]]\n"
    ((line, message, _),) = yaml_rows(bomb).wrong
    assert (line, "alias" in message) == (1, True)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda it: it.encode(errors="surrogatepass")))
def test_any_bytes_are_rows_or_refused(data: bytes) -> None:
    for file in (b"brand_id,name\n" + data, data):
        with suppress(RefusedValue):
            compare(csv_rows(io.BytesIO(file)).rows, NOTHING, 0)
    for read in (yaml_rows, json_rows):
        with suppress(RefusedValue):
            compare(read(data).rows, NOTHING, 0)


@pytest.mark.parametrize(
    ("number", "expected"),
    [("1e-05", "0.00001"), ("1.5E+3", "1500.00"), ("1e2", "100.00"), ("0.10", "0.10"), ("7", "7")]
    + [(it, it) for it in ("1e-7", "1e12", "1e999999999999")],
)
def test_a_number_of_json_is_the_amount_that_it_says_and_a_refused_one_stays_as_it_is(
    number: str, expected: str
) -> None:
    rows = json_rows(b'{"rows":[{"brand_id":"nike","daily_budget":%s}]}' % number.encode())
    assert rows.rows[0].values["daily_budget"] == expected
