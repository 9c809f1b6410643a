"""Forms of brands and campaigns: what is typed, what is refused, and what two editors did."""

from datetime import date

import pytest

from console.pages.admin.conflict import ChangedBy, versions_of, was_touched
from console.pages.admin.fields import BRAND, CAMPAIGN, NEW_BRAND, NEW_CAMPAIGN, read_form, texts_of
from models.tables.brand import Brand

NEW = {
    "brand_id": "nike",
    "name": "Nike",
    "time_zone": "Asia/Karachi",
    "currency": "usd",
    "daily_budget": "100.1",
    "monthly_budget": "",
    "alert_percents": "",
    "silent_after_minutes": "",
    "pacing": "",
    "budget_overrides": "",
}


def test_an_empty_budget_is_unlimited_and_zero_is_zero() -> None:
    reading = read_form(NEW_BRAND, NEW | {"daily_budget": "0"})
    assert not reading.errors
    assert (reading.values["daily_budget_micros"], reading.values["monthly_budget_micros"]) == (0, None)
    assert reading.values["currency"] == "USD"


def test_money_is_read_exactly() -> None:
    reading = read_form(NEW_BRAND, NEW | {"daily_budget": " 999999999.000001 "})
    assert reading.values["daily_budget_micros"] == 999_999_999_000_001


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("brand_id", "", "1 to 64 of the characters"),
        ("brand_id", "a b", "no spaces"),
        ("time_zone", "Mars/Base", "IANA name"),
        ("time_zone", "", "IANA name"),
        ("currency", "XXQ", "ISO 4217"),
        ("daily_budget", "-1", "cannot be negative"),
        ("daily_budget", "1,50", "not a decimal amount"),
        ("daily_budget", "1e3", "not a decimal amount"),
        ("daily_budget", "0.0000001", "more than 6 fraction digits"),
        ("monthly_budget", "1000000000000", "below 1,000,000,000,000"),
        ("name", "x" * 201, "up to 200"),
        ("alert_percents", "50;80", "such as 50,80,100"),
        ("alert_percents", "0,80", "1 to 1000"),
        ("pacing", "odd", "none or even"),
        ("budget_overrides", "2026-11-27", "such as '2026-11-27..2026-11-30 daily=500'"),
        ("budget_overrides", "2026-11-27 daily=1; 2026-11-27..2026-11-28 daily=2", "overlap"),
        ("budget_overrides", "2026-11-27 monthly=1", "whole months"),
        ("silent_after_minutes", "3", "such as 90m"),
        ("silent_after_minutes", "8d", "5 minutes to 7 days"),
    ],
)
def test_what_the_command_line_refuses_is_refused_in_the_same_words(name: str, text: str, message: str) -> None:
    reading = read_form(NEW_BRAND, NEW | {name: text})
    assert list(reading.errors) == [name]
    assert message in reading.errors[name]
    assert reading.texts[name] == text


def test_everything_that_is_wrong_is_said_at_once() -> None:
    reading = read_form(NEW_BRAND, NEW | {"currency": "?", "daily_budget": "a lot"})
    assert set(reading.errors) == {"currency", "daily_budget"}


def test_a_field_that_was_not_sent_is_not_taken_for_an_empty_one() -> None:
    assert set(read_form(BRAND, {"name": "Nike"}).errors) == {field.name for field in BRAND} - {"name"}


def test_a_flight_is_one_day_at_least() -> None:
    form = dict.fromkeys([field.name for field in NEW_CAMPAIGN], "") | {"campaign_id": "c", "brand_id": "b"}
    reading = read_form(NEW_CAMPAIGN, form | {"starts_on": "2026-01-02", "ends_on": "2026-01-02"})
    assert reading.values["ends_on"] == date(2026, 1, 2)
    reading = read_form(NEW_CAMPAIGN, form | {"starts_on": "2026-01-02", "ends_on": "2026-01-01"})
    assert "before it starts" in reading.errors["ends_on"]


def test_a_row_is_shown_as_it_is_read() -> None:
    row = Brand(brand_id="b", name="B", currency="USD", daily_budget_micros=100_100_000, monthly_budget_micros=None)
    row.zones = []
    texts = texts_of([field for field in BRAND if field.name != "time_zone"], row)
    written = {"name": "B", "daily_budget": "100.10", "monthly_budget": ""}
    blank = ("alert_percents", "silent_after_minutes", "pacing", "budget_overrides")
    assert texts == written | dict.fromkeys(blank, "")


@pytest.mark.parametrize(
    ("percents", "minutes", "texts"),
    [(None, None, ("", "")), ([], 90, ("none", "90m")), ([5, 80], 180, ("5,80", "3h")), ([1], 2880, ("1", "2d"))],
)
def test_alert_fields_are_read_as_they_are_written(
    percents: list[int] | None, minutes: int | None, texts: tuple[str, str]
) -> None:
    fields = [field for field in BRAND if field.name in ("alert_percents", "silent_after_minutes")]
    written = texts_of(fields, Brand(alert_percents=percents, silent_after_minutes=minutes))
    assert tuple(written.values()) == texts
    assert read_form(fields, written).values == {"alert_percents": percents, "silent_after_minutes": minutes}


def test_each_field_says_who_changed_it() -> None:
    names = [field.name for field in CAMPAIGN]
    seen = dict.fromkeys(names, "") | {"name": "old", "daily_budget": "1.00", "total_budget": "5.00"}
    yours = seen | {"name": "mine", "daily_budget": "2.00", "external_id": "same"}
    theirs = seen | {"name": "theirs", "total_budget": "6.00", "external_id": "same"}
    versions = {it.field.name: it for it in versions_of(CAMPAIGN, seen=seen, yours=yours, theirs=theirs)}
    assert {name: it.changed_by for name, it in versions.items()} == {
        "name": ChangedBy.BOTH,
        "external_id": ChangedBy.NOBODY,
        "daily_budget": ChangedBy.YOU,
        "total_budget": ChangedBy.OTHERS,
        "budget_overrides": ChangedBy.NOBODY,
        "starts_on": ChangedBy.NOBODY,
        "ends_on": ChangedBy.NOBODY,
    }
    assert [it.proposed for it in versions.values()][:4] == [None, "same", "2.00", "6.00"]
    assert was_touched(list(versions.values()))


def test_an_edit_of_what_the_form_does_not_show_is_no_conflict() -> None:
    texts = dict.fromkeys([field.name for field in CAMPAIGN], "")
    assert not was_touched(versions_of(CAMPAIGN, seen=texts, yours=texts | {"name": "mine"}, theirs=texts))
