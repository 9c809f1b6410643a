"""A month's report from rows of ledger, journal and catalog."""

import csv
import io
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from core.errors import RefusedValue
from core.moment import HOUR
from core.money import MICROS
from models.queries.catalog_edits import add_campaign, edit_brand
from models.session import session_scope
from models.tables.catalog_change import CatalogChange
from models.tables.spend_log import SpendLog
from operations.report.report import Report, month_of, read_report, report_csv, report_view
from operations.report.sums import spend_sums_view
from tests.models.ledger_rows import add, refusal, spend_values
from tests.operations.timeline.test_timeline import DAY, MIDNIGHT, command_at, spend, url

__all__ = ["url"]

NOW = MIDNIGHT + 48 * HOUR


def read(url: str, now: int = NOW) -> Report:
    with session_scope(url) as session:
        return read_report(session, "nike", date(2025, 9, 1), now)


def test_the_month_by_campaign_and_day(url: str) -> None:
    """Money of a campaign that the catalog has not is in the brand's day and has lines of its own."""
    with session_scope(url) as session:
        edit_brand(
            session, "nike", {"daily_budget_micros": 8 * MICROS, "monthly_budget_micros": 90 * MICROS}, actor="t"
        )
    add(url, command_at(1, 0), command_at(2, 12, "daily_budget"), command_at(3, 24))
    add(url, spend("e1", 1, 3, 6), spend("e2", 2, 11, 2))
    add(url, SpendLog(**spend_values("x", 3, campaign_id="=nobody", micros=3 * MICROS, at=MIDNIGHT)))
    refused = spend_values("bad", 4, micros=500 * MICROS, at=MIDNIGHT)
    add(url, SpendLog(**refused), refusal(refused))
    report = read(url)
    view = report_view(report)
    # The budgets were set a year later, and were not in force then.
    assert (view["spent"], view["monthly_budget"], view["variance"]) == ("11.00", None, None)
    [of_day] = [it for it in report.days if it.day == DAY]
    assert (of_day.spent_micros, of_day.budget_micros, of_day.variance_micros) == (11 * MICROS, None, None)
    unknown, summer = report.campaigns
    assert (unknown.campaign_id, unknown.campaign, unknown.spent_micros) == ("=nobody", None, 3 * MICROS)
    [line] = [it for it in summer.lines if it.day == DAY]
    assert (line.spent_micros, line.on_off.on, line.on_off.off) == (8 * MICROS, 12 * 3600, 12 * 3600)
    assert line.on_off.off_by_reason == {"daily_budget": 12 * 3600}
    # Brand and campaign were added later, and the unknown one never: their days are those to which something is booked
    # or that a command tells of.
    assert [it.day.day for it in unknown.lines] == [8]
    assert [it.day.day for it in summer.lines] == [8, 9]
    assert [it.day.day for it in report.days] == [8]


def test_days_before_brand_and_campaign_were_added_are_left_out(url: str) -> None:
    with session_scope(url) as session:
        added_at = session.scalars(select(CatalogChange.changed_at)).all()[-1]
        today = datetime.fromtimestamp(added_at / 1000, UTC).date()
        add_campaign(session, "winter", brand_id="nike", actor="t")
    add(url, SpendLog(**spend_values("e1", 1, campaign_id="winter", micros=MICROS, day=today, at=added_at)))
    with session_scope(url) as session:
        report = read_report(session, "nike", today.replace(day=1), added_at + 1)
    [winter] = report.campaigns
    assert [it.day for it in report.days] == [it.day for it in winter.lines] == [today]


def test_the_csv_has_a_line_for_each_campaign_and_day_and_no_formula(url: str) -> None:
    add(url, command_at(1, 0), SpendLog(**spend_values("x", 3, campaign_id="=nobody", micros=-3 * MICROS, at=MIDNIGHT)))
    rows = list(csv.DictReader(io.StringIO("".join(report_csv(read(url))), newline="")))
    [it] = [it for it in rows if it["campaign_id"] != "summer" and it["spent"] != "0.00"]
    assert not it["campaign_id"].startswith("=")
    assert (it["day"], it["spent"], it["budget"], it["variance"]) == ("2025-09-08", "-3.00", "", "")
    [on_day] = [it for it in rows if it["campaign_id"] == "summer" and it["day"] == "2025-09-08"]
    assert (on_day["hours_on"], on_day["hours_off"], on_day["hours_off_schedule"]) == ("24.00", "0.00", "0.00")


def test_a_campaign_that_never_ran_and_spent_nothing_is_left_out(url: str) -> None:
    add(url, command_at(1, -1, "manual"))
    assert [it.campaign_id for it in read(url).campaigns] == []


def test_a_month_ahead_is_empty(url: str) -> None:
    assert (list(read(url, MIDNIGHT - 1000 * HOUR).days), read(url, MIDNIGHT - 1000 * HOUR).spent_micros) == ([], 0)


@pytest.mark.parametrize("text", ["2025", "2025-13", "september", "", "2025-09-01", "0001-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(RefusedValue, match="such as 2025-09"):
        month_of(text)


@pytest.mark.parametrize(
    ("by_day", "by_campaign", "expected"),
    [
        (False, False, [(None, None, "11.00")]),
        (True, False, [(None, "2025-09-08", "11.00")]),
        (False, True, [("other", None, "3.00"), ("summer", None, "8.00")]),
        (True, True, [("other", "2025-09-08", "3.00"), ("summer", "2025-09-08", "8.00")]),
    ],
)
def test_sums_by_day_and_campaign(
    url: str, by_day: bool, by_campaign: bool, expected: list[tuple[str | None, str | None, str]]
) -> None:
    add(url, spend("e1", 1, 3, 6), spend("e2", 2, 11, 2))
    add(url, SpendLog(**spend_values("x", 3, campaign_id="other", micros=3 * MICROS, at=MIDNIGHT)))
    with session_scope(url) as session:
        view = spend_sums_view(session, "nike", "USD", DAY, DAY, None, by_day, by_campaign)
        assert (view["events"], view["spent"]) == (3, "11.00")
        items = view["items"]
        assert isinstance(items, list)
        assert [(it["campaign_id"], it["day"], it["spent"]) for it in items] == expected
        alone = spend_sums_view(session, "nike", "USD", DAY, DAY, "other", by_day, by_campaign)
        assert alone["spent"] == "3.00"
        with pytest.raises(RefusedValue):
            spend_sums_view(session, "nike", "USD", DAY, date(2025, 9, 7), None, by_day, by_campaign)
