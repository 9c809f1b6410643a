"""A timeline read from rows of journal, ledger and history, and the command line that prints it."""

import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import pytest
from sqlalchemy import update

from core.moment import HOUR, SECOND, format_moment, parse_moment
from core.money import MICROS
from models.migrations import migrate
from models.queries.catalog import change_of_version
from models.queries.catalog_edits import add_brand, add_campaign, edit_campaign
from models.session import engine_of, session_scope
from models.tables.campaign import Campaign
from models.tables.catalog_outbox import CatalogOutbox
from models.tables.control_log import ControlLog
from models.tables.spend_log import SpendLog, SpendRepeat
from operations.timeline.timeline import Timeline, read_timeline, timeline_lines, timeline_view
from tests.commands import Commands
from tests.ledger.ingest.test_ledger import COMMAND
from tests.models.ledger_rows import add, add_topic, refusal, spend_values

MIDNIGHT = parse_moment("2025-09-08T00:00:00Z")
DAY = date(2025, 9, 8)
ONE_DAY = timedelta(days=1)


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    migrate.upgrade(database_url)
    add_topic(database_url)
    with session_scope(database_url) as session:
        add_brand(session, "nike", time_zone="UTC", currency="USD", actor="t")
        add_campaign(session, "summer", brand_id="nike", actor="t")
    yield database_url
    engine_of(database_url).dispose()


def command_at(sequence: int, hour: float, *reasons: str, kind: str = "spend", version: int = 1) -> ControlLog:
    at = MIDNIGHT + int(hour * HOUR)
    message = COMMAND | {
        "command_id": f"summer:1:{sequence}",
        "sequence": sequence,
        "action": "pause" if reasons else "resume",
        "reasons": list(reasons),
        "decided_at": format_moment(at),
        "cause": {"kind": kind, "topic": "t", "partition": 0, "offset": sequence},
        "catalog": {"brand_version": 1, "campaign_version": version},
    }
    return ControlLog(
        command_id=f"summer:1:{sequence}",
        campaign_id="summer",
        brand_id="nike",
        epoch=1,
        sequence=sequence,
        action=str(message["action"]),
        reasons=list(reasons),
        decided_at=at,
        message=None,
        value=json.dumps(message).encode(),
        topic="campaign-control",
        partition=0,
        record_offset=sequence,
    )


def spend(event_id: str, offset: int, hour: float, amount: int = 1) -> SpendLog:
    at = MIDNIGHT + int(hour * HOUR)
    return SpendLog(**spend_values(event_id, offset, micros=amount * MICROS, at=at))


def read(url: str, first: date = DAY, last: date = DAY, now: int = MIDNIGHT + 100 * HOUR) -> Timeline:
    with session_scope(url) as session:
        return read_timeline(session, "summer", first, last, now)


def states(timeline: Timeline) -> Sequence[tuple[str, float, int]]:
    return [(it.band.state.value, it.band.length_ms / HOUR, it.spent_micros // MICROS) for it in timeline.bands]


def test_each_band_has_the_spend_that_occurred_in_it(url: str) -> None:
    add(url, command_at(1, -5), command_at(2, 12, "daily_budget"), command_at(3, 18))
    add(url, spend("e1", 1, 11, 7), spend("e2", 2, 12, 2), spend("e3", 3, 17, 4), spend("e4", 4, 18, 16))
    found = read(url)
    assert states(found) == [("running", 12, 7), ("paused", 6, 6), ("running", 6, 16)]
    view = timeline_view(found)
    assert (view["spent"], view["spent_while_paused"]) == ("29.00", "6.00")
    assert (view["running_seconds"], view["paused_seconds_by_reason"]) == (18 * 3600, {"daily_budget": 6 * 3600})


def test_spend_that_was_refused_counts_as_the_ledger_counts_it(url: str) -> None:
    """The first record was refused, a replayed one counts, in the band in which it occurred."""
    add(url, command_at(1, 0), command_at(2, 12, "manual"))
    first = spend_values("e1", 1, micros=5 * MICROS, at=MIDNIGHT + HOUR)
    add(url, SpendLog(**first), refusal(first))
    assert [it[2] for it in states(read(url))] == [0, 0]
    add(url, SpendRepeat(**spend_values("e1", 2, micros=5 * MICROS, at=MIDNIGHT + 13 * HOUR)))
    assert [it[2] for it in states(read(url))] == [0, 5]


def test_it_ends_now_and_days_ahead_are_empty(url: str) -> None:
    add(url, command_at(1, -1))
    assert states(read(url, now=MIDNIGHT + 2 * HOUR)) == [("running", 2, 0)]
    assert states(read(url, now=MIDNIGHT - SECOND)) == []


def test_a_flight_that_has_not_begun_is_told_from_one_that_is_over(url: str) -> None:
    with session_scope(url) as session:  # without a change in the history, so that it always was so
        session.execute(update(Campaign).values(starts_on=DAY + ONE_DAY, ends_on=DAY + ONE_DAY))
    add(url, command_at(1, -1, "flight"), command_at(2, 24), command_at(3, 48, "flight"))
    found = read(url, last=DAY + 2 * ONE_DAY)
    assert [it.words for it in found.bands] == ["its flight has not begun", None, "its flight is over"]


def test_who_did_it_is_the_edit_that_the_command_followed(url: str) -> None:
    with session_scope(url) as session:
        edit_campaign(session, "summer", {"enabled": False}, actor="cli:rosa")
        outbox = session.query(CatalogOutbox).filter_by(campaign_id="summer").order_by(CatalogOutbox.outbox_id).all()
        for version, row in enumerate(outbox, start=1):
            row.version, row.published_at = version, parse_moment("2999-01-01T00:00:00Z")
            row.topic, row.partition, row.record_offset = "catalog", 0, version
    with session_scope(url) as session:
        assert change_of_version(session, brand_id="nike", campaign_id="summer", version=2) is not None
    add(url, command_at(1, 0), command_at(2, 12, "manual", kind="catalog", version=2), command_at(4, 13))
    found = read(url)
    actors = [it.change.actor if it.change else None for it in found.bands]
    assert actors == [None, "cli:rosa", None]
    [_, paused, resumed, total] = timeline_lines(found)
    assert "off" in paused and "an operator paused it; an edit of the catalog (by cli:rosa)" in paused
    assert "the command before it is not in the journal" in resumed
    assert total == "on 23:00:00, off 1:00:00; 0.00 USD spent, 0.00 of it while off"


def test_the_command_prints_it_and_names_what_is_wrong(commands: Commands) -> None:
    campaign_id = commands.campaign(commands.brand())
    days = ("--from", "2025-09-08", "--to", "2025-09-09")
    view = commands.json("campaign", "timeline", campaign_id, *days)
    assert [(it["state"], it["seconds"]) for it in view["bands"]] == [("unknown", 2 * 86_400)]
    assert "not known" in commands.done("campaign", "timeline", campaign_id, *days)
    assert "at most 93" in commands.refused(
        "campaign", "timeline", campaign_id, "--from", "2025-01-01", "--to", "2025-09-09"
    )
    assert "before the first" in commands.refused(
        "campaign", "timeline", campaign_id, "--from", "2025-09-09", "--to", "2025-09-08"
    )
    assert "--from" in commands.refused("campaign", "timeline", campaign_id, "--from", "none", "--to", "2025-09-08")
    assert commands.run("campaign", "timeline", "nobody", *days).exit_code == 3
