"""Moments as people read them: a weekday alone never means two days, wherever one is shown."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from operations import near_moment
from operations.near_moment import near_text

ROOT = Path(near_moment.__file__).parents[1]
FOLDERS = (
    "cli",
    "console",
    "simulation",
    "operations",
    "local",
    "schedulers",
    "notifier",
    "ledger",
    "streams",
    "models",
)
THURSDAY = datetime(2026, 11, 26, 12, tzinfo=UTC)
#: A weekday with a time and no date; the rest of the format up to its end is looked at.
WEEKDAY_FORMAT = re.compile(r"%[aA][^\"'}]*")
#: Those of the moment of now, where no other day can be meant.
OF_NOW = {"console/pages/schedule/view.py": 1, "simulation/demo/command_lines.py": 1}


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (THURSDAY, "Thu 12:00"),
        (THURSDAY + timedelta(days=6), "Wed 12:00"),
        (THURSDAY - timedelta(days=6), "Fri 12:00"),
        (THURSDAY + timedelta(days=7), "Thu 3 Dec 12:00"),
        (THURSDAY + timedelta(days=9, hours=6), "Sat 5 Dec 18:00"),
        (datetime(2027, 3, 1, tzinfo=UTC), "Mon 1 Mar 2027 00:00"),
    ],
)
def test_a_date_is_shown_beyond_six_days_and_a_year_where_it_is_another(at: datetime, shown: str) -> None:
    assert near_text(at, THURSDAY) == shown


def test_no_other_place_shows_a_weekday_without_its_date() -> None:
    found = {}
    for path in _sources():
        text = path.read_text(encoding="utf-8")
        bare = [it for it in WEEKDAY_FORMAT.findall(text) if "%-d" not in it and "%d" not in it]
        if bare:
            found[path.relative_to(ROOT).as_posix()] = len(bare)
    assert found.pop("operations/near_moment.py") == 1
    assert found == OF_NOW


def _sources() -> list[Path]:
    return [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".html") and "__pycache__" not in path.parts
    ]
