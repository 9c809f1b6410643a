"""Wherever a page says when something resumes or pauses, a day beyond this week has its date."""

import html
import re

import msgspec
import pytest

from console.live.brand_summary import Meter
from console.live.command_feed import ReceivedCommand
from console.pages.campaign_now import CampaignNow
from console.rendering.render import part
from core.moment import parse_moment
from core.records import Action
from models.tables.campaign import Campaign
from tests.console.live.test_broadcaster import received

NOW = "2026-11-26T12:00:00Z"
#: A moment, and how it is shown in Berlin: tomorrow, Friday in nine days, the first day of a flight in March.
MOMENTS = [
    ("2026-11-27T17:00:00Z", "Fri 18:00"),
    ("2026-12-05T17:00:00Z", "Sat 5 Dec 18:00"),
    ("2027-02-28T23:00:00Z", "Mon 1 Mar 2027 00:00"),
]


def _words(markup: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", markup)).split())


def _command(**fields: object) -> ReceivedCommand:
    told = received(1)
    fields = {"decided_at": NOW, "time_zone": "Europe/Berlin", "reasons": ["flight"], **fields}
    return told._replace(command=msgspec.structs.replace(told.command, **fields))


def _campaign(reasons: tuple[str, ...], resumes_at: str | None = None, pauses_at: str | None = None) -> CampaignNow:
    return CampaignNow(
        row=Campaign(campaign_id="c", brand_id="b", name="C", archived=False),
        name="C",
        reasons=reasons,
        flight_is_over=False,
        daily=Meter(0, None),
        total=Meter(0, None),
        resumes_at=parse_moment(resumes_at) if resumes_at else None,
        pauses_at=parse_moment(pauses_at) if pauses_at else None,
        sequence=1,
        currency="EUR",
        time_zone="Europe/Berlin",
        windows="Always",
    )


@pytest.mark.parametrize(("at", "shown"), MOMENTS)
def test_in_the_feed(at: str, shown: str) -> None:
    paused = _words(part("command_item", _command(resumes_at=at)))
    assert f"Its flight has not begun; may resume {shown} ." in paused
    runs = _words(part("command_item", _command(action=Action.RESUME, reasons=[], pauses_at=at)))
    assert f"runs until {shown} ." in runs


@pytest.mark.parametrize(("at", "shown"), MOMENTS)
def test_in_the_list_of_campaigns(at: str, shown: str) -> None:
    now = parse_moment(NOW)
    paused = _words(part("campaign_row", _campaign(("flight",), resumes_at=at), now))
    assert f"may resume {shown} " in paused and "flight not begun" in paused
    assert f"runs until {shown} " in _words(part("campaign_row", _campaign((), pauses_at=at), now))


def test_a_flight_that_is_over_is_not_said_to_begin() -> None:
    over = _campaign(("flight",))._replace(flight_is_over=True)
    words = _words(part("campaign_row", over, parse_moment(NOW)))
    assert "flight over" in words and "time alone does not end it" in words
    assert "Its flight is over or has no window." in _words(part("command_item", _command(resumes_at=None)))
