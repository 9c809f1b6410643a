"""The lines that `up --demo` prints."""

from datetime import datetime

import msgspec
import pytest

from core.records import Action, ControlCommand
from simulation.demo.brands import BRANDS
from simulation.demo.command_lines import command_line
from tests.docs.messages import play

NOW = datetime.fromisoformat("2026-11-26T12:00:00Z")


def _line(**fields: object) -> str:
    command: ControlCommand = next(it for it in play() if it.reasons == ["daily_budget"])
    fields = {"decided_at": "2026-11-26T12:00:00Z", **fields}
    brand = next(it for it in BRANDS if it.time_zone == "America/New_York")
    return command_line(msgspec.structs.replace(command, **fields), brand, NOW).plain


@pytest.mark.parametrize(
    ("resumes_at", "shown"),
    [
        ("2026-11-27T05:00:00Z", "its flight has not begun; may resume Fri 00:00  +"),
        ("2026-12-04T23:00:00Z", "its flight has not begun; may resume Fri 4 Dec 18:00  +"),
        ("2027-03-01T05:00:00Z", "its flight has not begun; may resume Mon 1 Mar 2027 00:00  +"),
        (None, "its flight is over or has no window; time alone ends it not  +"),
    ],
)
def test_a_flight_to_come_has_the_date_on_which_it_begins(resumes_at: str | None, shown: str) -> None:
    assert shown in _line(reasons=["flight"], resumes_at=resumes_at)


def test_what_runs_until_a_day_beyond_this_week_has_its_date() -> None:
    line = _line(action=Action.RESUME, reasons=[], resumes_at=None, pauses_at="2026-12-06T05:00:00Z")
    assert "runs until Sun 6 Dec 00:00" in line
