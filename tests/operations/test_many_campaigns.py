"""One change of many campaigns, as rows of a catalog file."""

import pytest

from core.errors import RefusedValue
from models.tables.campaign import Campaign
from operations.many_campaigns import ManyChange, rows_of_change


def _campaign(daily_micros: int | None) -> Campaign:
    return Campaign(
        brand_id="b", campaign_id="c", revision=3, daily_budget_micros=daily_micros, total_budget_micros=None
    )


@pytest.mark.parametrize(
    ("daily", "text", "after"),
    [
        (10_000_000, "+10 %", "11.00"),
        (10_000_000, "-2.5%", "9.75"),
        (10_000_000, "-100%", "0.00"),
        (100_000, "+5%", "0.11"),  # 0.105 is rounded up
        (90_000, "+5%", "0.09"),  # 0.0945 is not
        (0, "+50%", "0.00"),
        (None, "5.50", "5.50"),
        (10_000_000, "none", "none"),
    ],
)
def test_a_budget_is_set_or_changed_by_percent(daily: int | None, text: str, after: str | None) -> None:
    (row,) = rows_of_change([_campaign(daily)], ManyChange(daily_budget=text))
    assert row.get("daily_budget") == after
    assert (row["brand_id"], row["campaign_id"], row["revision"]) == ("b", "c", "3")
    assert "total_budget" not in row


def test_by_percent_an_unlimited_budget_stays_beside_others_and_alone_it_is_said_why_nothing_changes() -> None:
    rows = rows_of_change([_campaign(None), _campaign(10_000_000)], ManyChange(daily_budget="+10%"))
    assert [row.get("daily_budget") for row in rows] == [None, "11.00"]
    with pytest.raises(RefusedValue, match="None of these campaigns has a daily budget of its own"):
        rows_of_change([_campaign(None)], ManyChange(daily_budget="+10%"))
    assert rows_of_change([_campaign(None)], ManyChange(daily_budget="+10%", state="pause"))[0]["enabled"] is False


@pytest.mark.parametrize(
    ("state", "values"),
    [
        ("pause", {"enabled": False}),
        ("resume", {"enabled": True}),
        ("archive", {"archived": True}),
        ("unarchive", {"archived": False}),
    ],
)
def test_the_states(state: str, values: dict[str, bool]) -> None:
    (row,) = rows_of_change([_campaign(1)], ManyChange(state=state))
    assert {name: row[name] for name in ("enabled", "archived") if name in row} == values


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (ManyChange(), "Nothing would change"),
        (ManyChange(state="stop"), "pause, resume, archive, unarchive"),
        (ManyChange(daily_budget="-101%"), "more than 100 %"),
        (ManyChange(daily_budget="10 %"), "daily_budget"),  # an amount or a change? It is asked, not guessed
        (ManyChange(ends_on="Friday"), "ends_on"),
        (ManyChange(windows="always"), "window"),
    ],
)
def test_what_cannot_be_read_is_refused_once(change: ManyChange, said: str) -> None:
    with pytest.raises(RefusedValue, match=said):
        rows_of_change([_campaign(1), _campaign(2)], change)
