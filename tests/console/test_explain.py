"""Why a campaign is paused, in words, from a command alone. Needs no services."""

import json

import msgspec
import pytest

from console.explain import explain
from console.reason_words import REASON_WORDS
from streams.core.reasons import Reason
from streams.core.records import ControlCommand
from tests.docs.messages import play


@pytest.fixture(scope="module")
def pause() -> ControlCommand:
    """Of a real decision: the second spend of 60.25 crossed the brand's daily budget of 100.00."""
    return next(it for it in play() if it.reasons == ["daily_budget"] and it.campaign_id == "nike-summer")


def test_a_pause_names_the_numbers_the_spend_that_crossed_and_the_way_out(pause: ControlCommand) -> None:
    told = explain(pause)
    [because] = told.because
    assert (because.spent, because.budget, because.period) == ("120.50", "100.00", "2025-09-08")
    assert told.cause and (told.cause.event_id, told.cause.partition, told.cause.offset) == ("e-2", 0, 4)
    assert told.sentences == [
        "Campaign nike-summer is paused, as of 2025-09-08T06:00:00Z, for one reason.",
        "The brand's daily budget is used up: 120.50 of 100.00 USD spent on 2025-09-08, counted in Asia/Karachi.",
        "It was paused by the spend e-2 of 60.25 USD (spend-events, partition 0, offset 4).",
        "Time alone lets it run again at 2025-09-08T19:00:00Z, if nothing else changes.",
        "To end daily_budget: raise the daily budget of brand nike above 120.50 or clear it, or wait for the next day.",
    ]


def test_every_reason_has_its_words_and_a_way_out(pause: ControlCommand) -> None:
    names = [reason.name.lower() for reason in Reason if reason.name]
    told = explain(msgspec.structs.replace(pause, reasons=names))
    assert [one.words for one in told.because] == [REASON_WORDS[name] for name in names]
    assert all(one.remedy and "{" not in one.remedy for one in told.because)
    assert f"for {len(names)} reasons" in told.sentences[0]


def test_a_budget_of_zero_does_not_come_back_with_time(pause: ControlCommand) -> None:
    brand = msgspec.structs.replace(pause.brand, daily_budget="0.00", daily_spent="-5.00")
    [because] = explain(msgspec.structs.replace(pause, brand=brand, resumes_at=None)).because
    assert because.remedy == "raise the daily budget of brand nike above 0.00 or clear it"


def test_a_reason_of_a_newer_release_is_shown_by_its_name(pause: ControlCommand) -> None:
    told = explain(msgspec.structs.replace(pause, reasons=["moon_phase"]))
    assert told.because[0].words == "moon_phase"


def test_a_campaign_that_runs_is_told_so() -> None:
    resume = next(it for it in play() if not it.reasons)
    told = explain(resume)
    assert (told.state, told.because) == ("running", [])
    assert told.sentences[0].startswith(f"Campaign {resume.campaign_id} may run: nothing holds it.")


def test_its_json_is_json(pause: ControlCommand) -> None:
    told = json.loads(json.dumps(explain(pause).to_json()))
    assert told["cause"]["event_id"] == "e-2"
    assert told["because"][0]["reason"] == "daily_budget"
