"""Why a campaign is paused, in words, from a command alone. Needs no services."""

import json

import msgspec
import pytest

from core.reasons import Reason
from core.records import ControlCommand
from operations.explain import Explanation, explain
from operations.reason_words import REASON_WORDS, command_in_words, in_words
from tests.docs.messages import play


def explained(command: ControlCommand) -> Explanation:
    return explain(command, command.cause)


@pytest.fixture(scope="module")
def pause() -> ControlCommand:
    """Of a real decision: the second spend of 60.25 crossed the brand's daily budget of 100.00."""
    return next(it for it in play() if it.reasons == ["daily_budget"] and it.campaign_id == "nike-summer")


def test_a_pause_names_the_numbers_the_spend_that_crossed_and_the_way_out(pause: ControlCommand) -> None:
    observed = explained(pause)
    [because] = observed.because
    assert (because.spent, because.budget, because.period) == ("120.50", "100.00", "2025-09-08")
    assert observed.cause and (observed.cause.event_id, observed.cause.partition, observed.cause.offset) == (
        "e-2",
        0,
        4,
    )
    assert observed.sentences == [
        "Campaign nike-summer is paused, as of 2025-09-08T06:00:00Z, for one reason.",
        "The brand's daily budget is used up: 120.50 of 100.00 USD spent on 2025-09-08, counted in Asia/Karachi.",
        "It was paused by the spend e-2 of 60.25 USD (spend-events, partition 0, offset 4).",
        "Time alone lets it run again at 2025-09-08T19:00:00Z, if nothing else changes.",
        "To end daily_budget: raise the daily budget of brand nike above 120.50 or clear it, or wait for the next day.",
    ]


def test_every_reason_has_its_words_and_a_way_out(pause: ControlCommand) -> None:
    names = [reason.name.lower() for reason in Reason if reason.name]
    observed = explained(msgspec.structs.replace(pause, reasons=names))
    assert [one.words for one in observed.because] == [REASON_WORDS[name] for name in names]
    assert all(one.remedy and "{" not in one.remedy for one in observed.because)
    assert f"for {len(names)} reasons" in observed.sentences[0]


def test_a_budget_of_zero_does_not_come_back_with_time(pause: ControlCommand) -> None:
    brand = msgspec.structs.replace(pause.brand, daily_budget="0.00", daily_spent="-5.00")
    [because] = explained(msgspec.structs.replace(pause, brand=brand, resumes_at=None)).because
    assert because.remedy == "raise the daily budget of brand nike above 0.00 or clear it"


@pytest.mark.parametrize("spent", ["999999999999.999999", "1000000000000.00"])
def test_nobody_is_told_to_raise_a_budget_beyond_the_largest(pause: ControlCommand, spent: str) -> None:
    brand = msgspec.structs.replace(pause.brand, daily_budget="999999999999.999999", daily_spent=spent)
    [because] = explained(msgspec.structs.replace(pause, brand=brand)).because
    assert because.remedy == (
        f"clear the daily budget of brand nike, since none can be above {spent}, or wait for the next day"
    )


def test_a_budget_just_below_the_largest_can_be_raised(pause: ControlCommand) -> None:
    brand = msgspec.structs.replace(pause.brand, daily_spent="999999999999.999998")
    [because] = explained(msgspec.structs.replace(pause, brand=brand)).because
    assert "above 999999999999.999998 or clear it" in because.remedy


def test_a_reason_of_a_newer_release_is_shown_by_its_name(pause: ControlCommand) -> None:
    observed = explained(msgspec.structs.replace(pause, reasons=["moon_phase"]))
    assert observed.because[0].words == "moon_phase"


def test_a_campaign_that_runs_is_told_so() -> None:
    resume = next(it for it in play() if not it.reasons)
    observed = explained(resume)
    assert (observed.state, observed.because) == ("running", [])
    assert observed.sentences[0].startswith(f"Campaign {resume.campaign_id} may run: nothing holds it.")


def test_its_json_is_json(pause: ControlCommand) -> None:
    observed = json.loads(json.dumps(explained(pause).to_json()))
    assert observed["cause"]["event_id"] == "e-2"
    assert observed["because"][0]["reason"] == "daily_budget"


def test_a_flight_that_is_over_is_not_waited_for(pause: ControlCommand) -> None:
    in_flight = msgspec.structs.replace(pause, reasons=["flight"])
    ahead, over = (explain(in_flight, None, is_over).because[0] for is_over in (False, True))
    assert (ahead.words, ahead.remedy) == (
        "its flight has not begun",
        "wait for its first day, or give it a flight that holds today",
    )
    assert (over.words, over.remedy) == ("its flight is over", "give it a flight that holds today")


@pytest.mark.parametrize(
    ("reasons", "resumes_at", "words"),
    [
        (["flight"], "2026-03-01T00:00:00Z", "its flight has not begun"),
        (["flight", "schedule"], "2026-03-01T00:00:00Z", "its flight has not begun and outside its windows"),
        (["flight"], None, "its flight is over or has no window"),
        (["flight", "manual"], None, "its flight has not begun or is over and an operator paused it"),
    ],
)
def test_a_command_tells_which_end_of_the_flight_it_knows_of(
    reasons: list[str], resumes_at: str | None, words: str
) -> None:
    assert command_in_words(reasons, resumes_at) == words


@pytest.mark.parametrize(("is_over", "words"), [(True, "its flight is over"), (False, "its flight has not begun")])
def test_who_knows_the_flight_says_which_end_of_it_is_meant(is_over: bool, words: str) -> None:
    assert in_words(["flight"], is_over) == words
    assert in_words(["flight", "manual"], is_over) == f"{words} and an operator paused it"
