"""Which documents may be decided while resumes are pending."""

from core.decide_catalog import leaves_pending_resumes
from core.moment import parse_moment
from tests.core.scenario import Scenario

NOON = parse_moment("2025-09-08T12:00:00Z")
MIDNIGHT = parse_moment("2025-09-09T00:00:00Z")


def with_a_pending_resume() -> Scenario:
    """Campaign a of nike waits for its first resume, b runs; the day ends at midnight."""
    scenario = Scenario()
    for line in ("day 2025-09-08", "09:00 brand nike zone=UTC", "09:00 campaign b", "hold", "10:00 campaign a"):
        scenario.run(line)
    return scenario


def test_a_document_of_another_brand_or_campaign_leaves_a_pending_resume() -> None:
    state = with_a_pending_resume().state
    assert leaves_pending_resumes(state, "puma", "", NOON)
    assert leaves_pending_resumes(state, "puma", "c", NOON)
    assert leaves_pending_resumes(state, "nike", "b", NOON)
    assert leaves_pending_resumes(state, "nike", "new", MIDNIGHT - 1)


def test_the_brands_and_the_campaigns_own_document_wait_for_it() -> None:
    state = with_a_pending_resume().state
    assert not leaves_pending_resumes(state, "nike", "", NOON)
    assert not leaves_pending_resumes(state, "nike", "a", NOON)


def test_a_document_that_comes_with_a_new_day_waits_for_every_resume_of_the_brand() -> None:
    state = with_a_pending_resume().state
    assert not leaves_pending_resumes(state, "nike", "b", MIDNIGHT)
    state.clock = MIDNIGHT  # a tick that has not come to the brand yet
    assert not leaves_pending_resumes(state, "nike", "b", NOON)


def test_nothing_waits_where_no_resume_is_pending() -> None:
    scenario = with_a_pending_resume()
    scenario.run("release")
    for campaign_id in ("", "a", "b"):
        assert leaves_pending_resumes(scenario.state, "nike", campaign_id, NOON)
        assert leaves_pending_resumes(scenario.state, "nike", campaign_id, MIDNIGHT)
