"""Bands of on and off, as a table: commands, edits and windows in, stretches of time and their reasons out."""

from datetime import date

import pytest

from core.calendar import ZoneSpan
from core.dayparting import Schedule
from core.moment import ALWAYS, parse_moment
from core.records import Action, CauseKind, CauseRecord, CommandBrand, CommandCampaign, CommandCatalog, ControlCommand
from core.windows import parse_window
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogChange, FieldChanges
from operations.timeline.bands import CommandInForce, bands_of
from operations.timeline.past_config import PastConfig, PastConfigs, past_configs_of

BERLIN = (ZoneSpan("Europe/Berlin", None),)
ALL_DAY = Schedule()
NINE_TO_FIVE = Schedule((parse_window("daily 09:00-17:00"),))


def at(local: str) -> int:
    """A moment of September 2025 in Berlin, such as `8 09:30`, or of another month with `10-26 09:30`."""
    day, clock = local.split()
    month, number = day.split("-") if "-" in day else ("09", day)
    offset = "+02:00" if (month, number) < ("10", "27") else "+01:00"
    return parse_moment(f"2025-{month}-{int(number):02d}T{clock}:00{offset}")


def command_at(when: str, *reasons: str, sequence: int = 1) -> CommandInForce:
    command = ControlCommand(
        schema=1,
        command_id=f"c:1:{sequence}",
        action=Action.PAUSE if reasons else Action.RESUME,
        campaign_id="c",
        external_id=None,
        brand_id="b",
        epoch=1,
        sequence=sequence,
        reasons=list(reasons),
        decided_at="",
        resumes_at=None,
        pauses_at=None,
        cause=CauseRecord(kind=CauseKind.SPEND, topic="spend-events", partition=0, offset=1),
        catalog=CommandCatalog(1, 1),
        currency="EUR",
        time_zone="Europe/Berlin",
        brand=CommandBrand("2025-09-08", "0.00", None, "2025-09", "0.00", None),
        campaign=CommandCampaign("0.00", None, "0.00", None),
    )
    return CommandInForce(command, at(when))


def configs(schedule: Schedule = ALL_DAY, *edits: tuple[str, bool, bool]) -> PastConfigs:
    later = [PastConfig(at(when), enabled, archived, schedule) for when, enabled, archived in edits]
    return PastConfigs([PastConfig(ALWAYS, True, False, schedule), *later])


def folded(
    before: CommandInForce | None,
    after: list[CommandInForce],
    of: PastConfigs,
    day_from: str = "8 00:00",
    until: str = "10 00:00",
) -> list[tuple[int, str, tuple[str, ...], bool]]:
    bands = bands_of(before, after, at(day_from), at(until), BERLIN, of)
    ends = [it.ends_at for it in bands]
    assert [at(day_from), *ends] == [*(it.starts_at for it in bands), at(until)], "they touch"
    return [(it.starts_at, it.state.value, it.reasons, it.begins_with_command) for it in bands]


def test_before_the_first_command_nothing_is_known() -> None:
    assert folded(None, [command_at("8 12:00")], configs()) == [
        (at("8 00:00"), "unknown", (), False),
        (at("8 12:00"), "running", (), True),
    ]


def test_each_command_begins_a_band_and_the_one_before_the_period_reaches_into_it() -> None:
    after = [command_at("8 12:00", "daily_budget"), command_at("9 00:00")]
    assert folded(command_at("7 10:00"), after, configs()) == [
        (at("8 00:00"), "running", (), False),
        (at("8 12:00"), "paused", ("daily_budget",), True),
        (at("9 00:00"), "running", (), True),
    ]


def test_a_used_up_day_ends_at_midnight_and_the_window_holds_it_from_then_on() -> None:
    """No command tells that, because the campaign stays paused."""
    after = [command_at("8 12:00", "daily_budget"), command_at("9 09:00")]
    assert folded(command_at("8 00:00"), after, configs(NINE_TO_FIVE), until="9 10:00") == [
        (at("8 00:00"), "running", (), True),
        (at("8 12:00"), "paused", ("daily_budget",), True),
        (at("8 17:00"), "paused", ("daily_budget", "schedule"), False),
        (at("9 00:00"), "paused", ("schedule",), False),
        (at("9 09:00"), "running", (), True),
    ]


def test_a_pause_of_days_ago_begins_with_command_by_what_holds_it_in_the_period() -> None:
    before = command_at("1 12:00", "daily_budget", "manual")
    assert folded(before, [], configs(ALL_DAY, ("1 11:00", False, False))) == [
        (at("8 00:00"), "paused", ("manual",), False)
    ]


def test_a_used_up_month_holds_until_the_month_is_over() -> None:
    before = command_at("28 12:00", "monthly_budget")
    assert folded(before, [], configs(NINE_TO_FIVE), "30 20:00", "10-01 08:00") == [
        (at("30 20:00"), "paused", ("monthly_budget", "schedule"), False),
        (at("10-01 00:00"), "paused", ("schedule",), False),
    ]


def test_a_used_up_total_holds_until_a_command() -> None:
    assert folded(command_at("1 12:00", "campaign_total_budget"), [], configs()) == [
        (at("8 00:00"), "paused", ("campaign_total_budget",), False)
    ]


def test_an_edit_in_the_middle_of_a_pause_begins_with_command() -> None:
    of = configs(NINE_TO_FIVE, ("8 20:00", False, False), ("9 10:00", True, False))
    assert folded(command_at("8 00:00", "schedule"), [command_at("9 10:00")], of, "8 18:00", "9 11:00") == [
        (at("8 18:00"), "paused", ("schedule",), False),
        (at("8 20:00"), "paused", ("manual", "schedule"), False),
        (at("9 09:00"), "paused", ("manual",), False),
        (at("9 10:00"), "running", (), True),
    ]


def test_what_is_over_before_the_resume_begins_with_command_keeps_its_reason_until_then() -> None:
    """The edit is in force some moments after it was made."""
    of = configs(ALL_DAY, ("8 10:00", False, False), ("8 12:00", True, False))
    after = [command_at("8 10:00", "manual"), command_at("8 12:01")]
    assert folded(command_at("7 00:00"), after, of, until="8 13:00") == [
        (at("8 00:00"), "running", (), False),
        (at("8 10:00"), "paused", ("manual",), True),
        (at("8 12:01"), "running", (), True),
    ]


def test_a_reason_of_a_newer_release_stays() -> None:
    assert folded(command_at("8 00:00", "whim"), [], configs()) == [(at("8 00:00"), "paused", ("whim",), True)]


def test_a_day_of_25_hours_is_one_day() -> None:
    bands = bands_of(
        command_at("10-26 01:00", "daily_budget"), [], at("10-26 01:00"), at("10-27 00:00"), BERLIN, configs()
    )
    assert [(it.length_ms // 3_600_000, it.reasons) for it in bands] == [(24, ("daily_budget",))]


def test_commands_of_the_same_moment_leave_no_empty_band() -> None:
    after = [command_at("8 12:00", "manual"), command_at("8 12:00", sequence=2)]
    assert folded(command_at("8 00:00"), after, configs(), until="8 13:00")[1:] == [
        (at("8 12:00"), "running", (), True)
    ]


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        ({"enabled": {"from": True, "to": False}}, (True, False, None), (False, False, None)),
        ({"archived": {"from": True, "to": False}}, (False, True, None), (False, False, None)),
        ({"ends_on": {"from": None, "to": "2025-09-30"}}, (False, False, None), (False, False, date(2025, 9, 30))),
        ({"name": {"from": "", "to": "x"}}, (False, False, None), (False, False, None)),
    ],
)
def test_an_edit_is_undone_to_tell_what_was_before_it(
    change: FieldChanges,
    before: tuple[bool, bool, date | None],
    after: tuple[bool, bool, date | None],
) -> None:
    brand = Brand(brand_id="b", enabled=True, archived=False)
    ends_on = date(2025, 9, 30) if "ends_on" in change else None
    campaign = Campaign(campaign_id="c", brand_id="b", enabled=False, archived=False, starts_on=None, ends_on=ends_on)
    edit = CatalogChange(changed_at=at("8 12:00"), actor="a", kind="campaign", campaign_id="c", fields=change)
    of = past_configs_of(brand, campaign, [edit])
    found = [(it.enabled, it.archived, it.schedule.ends_on) for it in (of.at(at("8 11:59")), of.at(at("8 12:00")))]
    assert found == [before, after]


def test_a_paused_brand_holds_its_campaigns_and_windows_are_those_of_then() -> None:
    brand = Brand(brand_id="b", enabled=False, archived=False)
    campaign = Campaign(campaign_id="c", brand_id="b", enabled=True, archived=False)
    window = {"days": ["mon"], "from": "09:00", "to": "17:00"}
    changes = [
        CatalogChange(changed_at=at("9 12:00"), campaign_id="c", fields={"windows": {"from": [window], "to": []}}),
        CatalogChange(changed_at=at("8 12:00"), campaign_id=None, fields={"enabled": {"from": True, "to": False}}),
        CatalogChange(
            changed_at=at("1 12:00"),
            campaign_id="c",
            fields={"brand_id": {"from": None, "to": "b"}, "windows": {"from": None, "to": [window]}},
        ),
    ]
    of = past_configs_of(brand, campaign, changes)
    found = [(it.enabled, len(it.schedule.windows)) for it in map(of.at, map(at, ("1 00:00", "8 12:00", "9 12:00")))]
    assert found == [(True, 1), (False, 1), (False, 0)]
