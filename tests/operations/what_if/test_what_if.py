"""The ledger's rows decided again under a file, and nothing written."""

import io
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import psycopg2.errors
import pytest

from core.errors import RefusedValue
from core.moment import HOUR, parse_moment
from core.money import MICROS
from models.connection import connect
from models.errors import RowNotFound
from models.migrations import migrate
from models.queries.catalog_edits import add_brand, add_campaign
from models.session import engine_of, session_scope
from models.tables.spend_log import SpendLog, SpendRepeat
from operations.catalog_file.reading import read_rows
from operations.catalog_file.rows import CatalogFileFormat, WrongRows
from operations.what_if.views import what_if_lines, what_if_view
from operations.what_if.what_if import WhatIf, WhatIfRequest, what_if
from tests.commands import Commands
from tests.models.ledger_rows import add, add_topic, refusal, spend_values

MIDNIGHT = parse_moment("2025-09-08T00:00:00Z")
DAY = date(2025, 9, 8)
NOW = MIDNIGHT + 100 * HOUR


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    """A brand that spends 10.00 each hour of a day, after 90.00 on the day before and 900.00 in August."""
    migrate.upgrade(database_url)
    add_topic(database_url)
    with session_scope(database_url) as session:
        add_brand(session, "nike", time_zone="UTC", currency="USD", actor="t", daily_budget_micros=200 * MICROS)
        add_campaign(session, "summer", brand_id="nike", actor="t")
        add_brand(session, "other", time_zone="UTC", currency="USD", actor="t")
    add(
        database_url,
        SpendLog(**spend_values("august", 1, micros=900 * MICROS, day=date(2025, 8, 31), at=MIDNIGHT - 200 * HOUR)),
        SpendLog(**spend_values("before", 2, micros=90 * MICROS, day=date(2025, 9, 7), at=MIDNIGHT - HOUR)),
        *(
            SpendLog(**spend_values(f"e{hour}", 10 + hour, micros=10 * MICROS, at=MIDNIGHT + hour * HOUR))
            for hour in range(1, 24)
        ),
    )
    yield database_url
    engine_of(database_url).dispose()


def asked(url: str, *rows: str, first: date = DAY, last: date = DAY, brand_id: str | None = None) -> WhatIf:
    text = "\n".join(("brand_id,campaign_id,revision,daily_budget,monthly_budget,time_zone,total_budget", *rows))
    file = read_rows(io.BytesIO(text.encode()), CatalogFileFormat.CSV)
    return what_if(url, file, WhatIfRequest(first, last, brand_id), NOW)


def stretches(found: WhatIf) -> list[tuple[int, int, str | None, str | None, int]]:
    return [
        (
            (it.starts_at - MIDNIGHT) // HOUR,
            (it.ends_at - MIDNIGHT) // HOUR,
            it.now and it.now.value,
            it.then and it.then.value,
            it.micros // MICROS,
        )
        for brand in found.brands
        for it in brand.stretches
    ]


def test_the_same_catalog_is_an_empty_difference(url: str) -> None:
    found = asked(url, "nike,,1,200.00,,,")
    assert (found.is_empty, list(found.brands)) == (True, [])
    assert "Nothing would have been decided otherwise" in next(what_if_lines(found))


def test_a_difference_that_changes_no_decision_is_none_either(url: str) -> None:
    found = asked(url, "nike,,1,,5000.00,,")
    assert (found.is_empty, found.brands[0].events) == (True, 23)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("nike,,1,50.00,,,", [(5, 20, "resume", "pause", 150)]),
        ("nike,,1,none,,,", [(20, 24, "pause", "resume", 30)]),
        ("nike,,1,,150.00,,", [(6, 20, "resume", "pause", 140)]),
        ("nike,summer,1,,,,1000.00", [(1, 20, "resume", "pause", 190)]),
    ],
)
def test_money_of_before_counts_and_money_between_is_told(
    url: str, row: str, expected: list[tuple[int, int, str, str, int]]
) -> None:
    found = asked(url, row)
    assert stretches(found) == expected
    view = what_if_view(found)
    assert view["events"] == 23
    assert f"{expected[0][4]}.00 USD" in "\n".join(what_if_lines(found))


def test_another_time_zone_is_in_force_from_the_beginning(url: str) -> None:
    """Days of Karachi end at 19:00 UTC: what came after belongs to the next."""
    assert stretches(asked(url, "nike,,1,,,Asia/Karachi,")) == [(20, 24, "pause", "resume", 30)]


def test_spend_that_was_refused_is_not_decided_again(url: str) -> None:
    refused = spend_values("bad", 90, micros=1000 * MICROS, at=MIDNIGHT + 30 * 60_000)
    add(url, SpendLog(**refused), refusal(refused))
    assert stretches(asked(url, "nike,,1,50.00,,,")) == [(5, 20, "resume", "pause", 150)]
    add(url, SpendRepeat(**spend_values("bad", 91, micros=50 * MICROS, at=MIDNIGHT + 30 * 60_000)))
    assert stretches(asked(url, "nike,,1,50.00,,,"))[0][:2] == (0, 15)


def test_nothing_is_written_to_any_table(url: str) -> None:
    """PostgreSQL refuses each write of these connections, and each lock of a row."""
    read_only = f"{url}{'&' if '?' in url else '?'}options=-c%20default_transaction_read_only%3Don"
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction), closing(connect(read_only)) as connection:
        connection.cursor().execute("DELETE FROM brand")
    try:
        assert not asked(read_only, "nike,,1,50.00,,,", "other,new,,,,,").is_empty
    finally:
        engine_of(read_only).dispose()


def test_what_is_wrong_is_said(url: str) -> None:
    with pytest.raises(WrongRows):
        asked(url, "nike,,7,50.00,,,")
    with pytest.raises(RefusedValue, match="before the first"):
        asked(url, "nike,,1,50.00,,,", last=date(2025, 9, 7))
    with pytest.raises(RefusedValue, match="at most 366"):
        asked(url, "nike,,1,50.00,,,", last=date(2026, 9, 9))
    with pytest.raises(RowNotFound):
        asked(url, "nike,,1,50.00,,,", brand_id="nobody")
    assert list(asked(url, "nike,,1,50.00,,,", brand_id="other").brands) == []
    file = read_rows(io.BytesIO(b"brand_id,revision,daily_budget\nnike,1,5\n"), CatalogFileFormat.CSV)
    with pytest.raises(RefusedValue, match="ask for fewer days"):
        what_if(url, file, WhatIfRequest(DAY, DAY, events_max=22), NOW)


def test_the_command_is_exit_1_with_a_difference(commands: Commands, tmp_path: Path) -> None:
    brand_id = commands.brand()
    commands.campaign(brand_id)
    file = tmp_path / "catalog.csv"
    days = ("--from", "2025-09-08", "--to", "2025-09-09")
    file.write_text(commands.done("catalog", "export", "--brand", brand_id))
    assert commands.json("what-if", str(file), *days)["brands"] == []
    file.write_text(f"brand_id,revision,daily_budget\n{brand_id},1,0\n")
    result = commands.run("what-if", str(file), *days)
    assert result.exit_code == 1
    assert "running -> paused" in result.out and "nothing was written" in result.out
    file.write_text(f"brand_id,revision,daily_budget\n{brand_id},9,0\n")
    assert commands.run("what-if", str(file), *days).exit_code == 4
