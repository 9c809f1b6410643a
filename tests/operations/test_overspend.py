"""An overspend is split into the event that crossed the budget, what came until each consumer reacted, and the rest."""

from collections.abc import Iterator

import pytest

from core.moment import SECOND, format_moment, parse_moment
from core.money import MICROS
from core.records import ControlCommand
from models.migrations import migrate
from models.queries.acks import acknowledgements
from models.session import engine_of, session_scope
from models.tables.control_ack import ControlAck
from models.tables.control_log import ControlLog
from models.tables.spend_log import SpendLog
from operations.overspend import overspend_lines, overspend_of, overspend_view
from streams.kafka.codec import encode
from tests.core.scenario import Scenario
from tests.models.ledger_rows import NOON, add, add_topic, spend_values

REACTION_SECONDS = 5
#: A second of 1.00 for each of 100, the budget; the one that the pause is decided on is the last of them.
BUDGET = 100


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    migrate.upgrade(database_url)
    add_topic(database_url)
    yield database_url
    engine_of(database_url).dispose()


def spent_until_it_reacts(reaction_ms: int = 60 * SECOND) -> tuple[Scenario, list[int]]:
    """1.00 a second against 100.00 by an ad server that stops 5 s after it is told; and the moments of the spend."""
    scenario = Scenario()
    scenario.state.reaction_ms = reaction_ms
    for line in ("day 2025-09-08", "11:00 brand nike zone=UTC daily=100", "11:00 campaign a"):
        scenario.run(line)
    moments, at = [], NOON
    while not (paused_at := _paused_at(scenario)) or at <= paused_at + REACTION_SECONDS * SECOND:
        scenario.run(f"{format_moment(at)[11:-1]} spend a 1.00")
        moments.append(at)
        at += SECOND
    return scenario, moments


def _paused_at(scenario: Scenario) -> int | None:
    last = scenario.commands[-1]
    return _moment(last) if last.action == "pause" else None


def test_five_seconds_of_reaction_at_one_a_second_are_five() -> None:
    scenario, moments = spent_until_it_reacts()
    pause = scenario.commands[-1]
    assert (pause.action, pause.decided_at) == ("pause", format_moment(NOON + 99 * SECOND))
    assert len(moments) == BUDGET + 5
    scenario.run("13:00 brand nike daily=200")
    after = scenario.commands[-1].after_pause
    assert after is not None
    assert (after.spent, after.events, after.last_occurred_at) == ("5.00", 5, format_moment(NOON + 104 * SECOND))


@pytest.mark.parametrize(("reaction_seconds", "alerts"), [(60, 0), (5, 0), (4, 1), (0, 1)])
def test_spend_while_paused_is_alerted_once_and_only_after_the_reaction_time(
    reaction_seconds: int, alerts: int
) -> None:
    scenario, _ = spent_until_it_reacts(reaction_seconds * SECOND)
    assert sum(it.kind == "spend_while_paused" for it in scenario.alerts) == alerts


def test_it_is_split_at_each_consumers_acknowledgement(url: str) -> None:
    scenario, moments = spent_until_it_reacts()
    pause = scenario.commands[-1]
    rows = [SpendLog(**spend_values(f"e{number}", number, campaign_id="a", at=at)) for number, at in enumerate(moments)]
    add(url, *rows, journaled(pause), acked(pause, "eu", 5), acked(pause, "us", 2))
    with session_scope(url) as session:
        found = overspend_of(session, pause, acknowledgements(session, [pause.command_id])[pause.command_id])
    assert found is not None
    view = overspend_view(found)
    assert view["crossing"] == {
        "event_id": pause.cause.event_id,
        "amount": "1.00",
        "budget": "daily_budget",
        "over": "0.00",
    }
    assert view["after_pause"] == {
        "spent": "5.00",
        "events": 5,
        "last_occurred_at": format_moment(NOON + 104 * SECOND),
        "until": None,
    }
    assert [tuple(it.values())[:1] + tuple(it.values())[2:] for it in view["consumers"]] == [
        ("us", 2.0, "2.00", "3.00"),
        ("eu", 5.0, "5.00", "0.00"),
    ]
    assert any("5.00 USD until eu had applied it, 5.000 s" in line for line in overspend_lines(found))


def test_it_ends_with_the_next_command_and_a_resume_has_none(url: str) -> None:
    scenario, moments = spent_until_it_reacts()
    pause = scenario.commands[-1]
    scenario.run("13:00 brand nike daily=200")
    resume = scenario.commands[-1]
    later = [*moments, NOON + 2 * 3600 * SECOND]
    rows = [SpendLog(**spend_values(f"e{number}", number, campaign_id="a", at=at)) for number, at in enumerate(later)]
    add(url, *rows, journaled(pause), journaled(resume), acked(pause, "asleep", 4_000))
    with session_scope(url) as session:
        acks = acknowledgements(session, [pause.command_id])[pause.command_id]
        found, none = overspend_of(session, pause, acks), overspend_of(session, resume, [])
    assert none is None
    assert found is not None
    assert overspend_view(found)["after_pause"]["until"] == resume.decided_at
    assert (found.after.spent_micros, found.after.events) == (5_000_000, 5)
    assert [(it.until_micros, it.later_micros) for it in found.consumers] == [(5_000_000, 0)]


def test_a_budget_is_crossed_also_by_a_total_above_the_largest_amount(url: str) -> None:
    scenario = Scenario()
    for line in ("day 2025-09-08", "11:00 brand nike zone=UTC daily=900000000000", "11:00 campaign a"):
        scenario.run(line)
    for second in range(2):
        scenario.run(f"12:00:0{second} spend a 800000000000")
    pause = scenario.commands[-1]
    add(url, journaled(pause))
    with session_scope(url) as session:
        found = overspend_of(session, pause, [])
    assert found is not None and found.crossing is not None
    assert (found.crossing.budget, found.crossing.over_micros) == ("daily_budget", 700_000_000_000 * MICROS)


def journaled(command: ControlCommand) -> ControlLog:
    offset = command.sequence
    return ControlLog(
        command_id=command.command_id,
        campaign_id=command.campaign_id,
        brand_id=command.brand_id,
        epoch=command.epoch,
        sequence=command.sequence,
        action=command.action,
        reasons=command.reasons,
        decided_at=_moment(command),
        message=None,
        value=encode(command),
        topic="campaign-control",
        partition=0,
        record_offset=offset,
    )


def acked(command: ControlCommand, consumer: str, after_seconds: int) -> ControlAck:
    applied_at = _moment(command) + after_seconds * SECOND
    return ControlAck(
        command_id=command.command_id,
        consumer=consumer,
        outcome="applied",
        campaign_id=command.campaign_id,
        applied_at=applied_at,
        detail=None,
        arrived_at=applied_at,
        incarnation=1,
        partition=0,
        record_offset=len(consumer),
    )


def _moment(command: ControlCommand) -> int:
    return parse_moment(command.decided_at)
