"""The history, a change of time zone and exported rows as people read them."""

import csv
import io

import pytest

from console.pages.admin.history import FieldChange, history_entry
from console.pages.admin.zone_change import zone_change_words
from core.calendar import ZoneSpan
from core.moment import parse_moment
from models.tables.catalog_change import CatalogChange, FieldChanges
from operations.csv_export import csv_pieces

NOW = parse_moment("2026-11-24T12:00:20Z")


def _changes(fields: FieldChanges, campaign_id: str | None = None) -> list[FieldChange]:
    change = CatalogChange(
        changed_at=NOW, actor="cli:alice", kind="brand", brand_id="b", campaign_id=campaign_id, fields=fields
    )
    return history_entry(change).fields


def test_values_are_told_in_words() -> None:
    assert _changes(
        {
            "daily_budget": {"from": "100.00", "to": None},
            "enabled": {"from": True, "to": False},
            "archived": {"from": True, "to": False},
            "starts_on": {"from": None, "to": "2026-01-01"},
            "name": {"from": "", "to": "Nike"},
            "windows": {"from": [], "to": [{"days": ["fri"], "from": "22:00", "to": "06:00"}]},
            "budget_overrides": {"from": [], "to": [{"from": "2026-11-27", "to": "2026-11-27", "daily_budget": None}]},
            "of_a_newer_release": {"from": 1, "to": 2},
        }
    ) == [
        FieldChange("Daily budget", "100.00", "unlimited"),
        FieldChange("Paused by hand", "no", "yes"),
        FieldChange("Archived", "yes", "no"),
        FieldChange("Starts on", "open", "2026-01-01"),
        FieldChange("Name", "none", "Nike"),
        FieldChange("Windows", "Always", "Fri 22:00 until Sat 06:00"),
        FieldChange("Budgets for certain dates", "none", "2026-11-27 daily=none"),
        FieldChange("of_a_newer_release", "1", "2"),
    ]


def test_what_is_new_had_nothing_before() -> None:
    assert _changes({"brand_id": {"from": None, "to": "b"}}, "c") == [FieldChange("Brand id", None, "b")]


def test_a_zone_to_the_west_makes_the_open_day_longer() -> None:
    observed = zone_change_words((ZoneSpan("Asia/Karachi", None),), "America/New_York", NOW)
    assert observed == [
        "What was spent stays booked as it is. The open day, 2026-11-24, keeps its start and its spend and ends at "
        "2026-11-25 00:00 (America/New_York), 10 h later than before: it is 34 h long.",
        "The open month ends at 2026-12-01 00:00 (America/New_York), 10 h later than before.",
        "Windows and flight dates go by the clock of America/New_York from 2026-11-24 07:02 (America/New_York).",
    ]


def test_a_zone_where_it_is_tomorrow_ends_the_open_day_at_the_change() -> None:
    observed = zone_change_words((ZoneSpan("America/Los_Angeles", None),), "Pacific/Kiritimati", NOW)
    assert "2026-11-24, keeps its start" in observed[0]
    assert "ends at 2026-11-25 02:02 (Pacific/Kiritimati), 19 h 58 min earlier than before" in observed[0]


def test_a_zone_of_the_same_clock_changes_no_day() -> None:
    observed = zone_change_words((ZoneSpan("Europe/Berlin", None),), "Europe/Paris", NOW)
    assert "as before: it is 24 h long" in observed[0]
    assert len(observed) == 2


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "-cmd|' /C calc'!A0"])
def test_no_cell_is_taken_for_a_formula(text: str) -> None:
    (_, row) = csv.reader(io.StringIO("".join(csv_pieces(["a", "b"], [[text, "x"]])), newline=""))
    assert row == ["'\t'=1" if text == "\t=1" else f"'{text}", "x"]  # a program that parts cells by tabs sees two


def test_money_below_zero_stays_a_number_and_text_stays_whole() -> None:
    rows = [["-12.50", 'a "b", c\nd', None, 7]]
    (_, row) = csv.reader(io.StringIO("".join(csv_pieces(["a", "b", "c", "d"], rows)), newline=""))
    assert row == ["-12.50", 'a "b", c\nd', "", "7"]


def test_many_rows_come_in_pieces_and_nothing_is_read_ahead() -> None:
    taken: list[int] = []
    rows = ([str(taken.append(number) or number)] for number in range(1_200))
    pieces = csv_pieces(["n"], rows)
    first = next(pieces)
    assert len(taken) == 500
    assert first.splitlines()[:2] == ["n", "0"]
    assert len(first.splitlines()) + sum(len(piece.splitlines()) for piece in pieces) == 1_201
