"""`schedule preview`, and the preview itself with days on which clocks change."""

import pytest

from core.calendar import ZoneSpan
from core.dayparting import Schedule
from core.moment import parse_moment
from core.windows import parse_window
from operations.schedule_preview import preview_of
from tests.commands import Commands

NEW_YORK = (ZoneSpan("America/New_York", None),)


def test_a_window_that_the_clock_jumps_into_is_told_with_a_remark() -> None:
    schedule = Schedule((parse_window("daily 01:30-03:30"),))
    view = preview_of(schedule, NEW_YORK, parse_moment("2026-03-08T05:00:00Z"), 1)
    assert view["changes"] == [
        {
            "action": "resume",
            "at": "2026-03-08T06:30:00Z",
            "local": "2026-03-08T01:30-05:00",
            "weekday": "sun",
            "time_zone": "America/New_York",
            "remark": "clocks go forward by 60 minutes on this day",
        },
        {
            "action": "pause",
            "at": "2026-03-08T07:30:00Z",
            "local": "2026-03-08T03:30-04:00",
            "weekday": "sun",
            "time_zone": "America/New_York",
            "remark": "clocks go forward by 60 minutes on this day",
        },
    ]


def test_a_clock_change_is_told_also_where_nothing_opens_or_closes() -> None:
    view = preview_of(Schedule(), NEW_YORK, parse_moment("2026-10-30T00:00:00Z"), 7)
    assert (view["is_open"], view["changes"]) == (True, [])
    assert view["clock_changes"] == [
        {
            "date": "2026-11-01",
            "time_zone": "America/New_York",
            "remark": "clocks go back by 60 minutes on this day",
        }
    ]


def test_a_change_of_zone_on_the_way_is_followed() -> None:
    zones = (ZoneSpan("Asia/Karachi", None), ZoneSpan("America/Los_Angeles", parse_moment("2025-09-08T20:00:00Z")))
    schedule = Schedule((parse_window("daily 09:00-10:00"),))
    view = preview_of(schedule, zones, parse_moment("2025-09-08T00:00:00Z"), 2)
    assert [change["at"] for change in view["changes"]] == [  # type: ignore[index,union-attr]
        "2025-09-08T04:00:00Z",
        "2025-09-08T05:00:00Z",
        "2025-09-09T16:00:00Z",
        "2025-09-09T17:00:00Z",
    ]


def test_the_command_previews_what_the_catalog_holds(commands: Commands) -> None:
    campaign_id = commands.campaign(commands.brand("--time-zone", "Asia/Karachi"), "--window", "daily 09:00-17:00")
    view = commands.json("schedule", "preview", campaign_id, "--days", "3")
    assert (view["campaign_id"], view["time_zone"]) == (campaign_id, "Asia/Karachi")
    assert len(view["changes"]) == 6
    assert {(it["action"], it["at"][11:]) for it in view["changes"]} == {
        ("resume", "04:00:00Z"),
        ("pause", "12:00:00Z"),
    }
    observed = commands.done("schedule", "preview", campaign_id)
    assert observed.count("resume") == 7
    assert "T09:00+05:00" in observed


@pytest.mark.parametrize("days", ["0", "367", "-1", "many"])
def test_days_out_of_bounds_are_refused(commands: Commands, days: str) -> None:
    campaign_id = commands.campaign(commands.brand())
    assert "1 to 366" in commands.refused("schedule", "preview", campaign_id, "--days", days)


def test_a_campaign_that_is_not_there_is_exit_3(commands: Commands) -> None:
    assert commands.run("schedule", "preview", "nobody").exit_code == 3
