"""Which documents take effect, and which of them may be decided while resumes are pending."""

import json

from core.catalog import CampaignConfig
from core.decide_catalog import decide_brand, decide_campaign, leaves_pending_resumes
from core.moment import parse_moment
from core.records import AlertState, CauseKind, CauseRecord
from core.refusal import Refusal, RefusalReason
from core.state import Cause, Origin, PendingResume
from core.verdict import Verdict
from tests.core.scenario import Scenario

NOON = parse_moment("2025-09-08T12:00:00Z")
MIDNIGHT = parse_moment("2025-09-09T00:00:00Z")
ORIGIN = Origin("topic", 77, NOON)
CAUSE = Cause(CauseKind.CATALOG, "topic", 1, 77)


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


def test_a_version_that_is_not_higher_is_stale_and_changes_nothing() -> None:
    scenario = Scenario()
    for line in ("day 2025-09-08", "09:00 brand nike zone=UTC daily=5", "09:00 campaign a daily=3", "09:00 campaign b"):
        scenario.run(line)
    state, brand = scenario.state, scenario.brand("nike")
    before = brand.config, brand.campaigns["a"].config
    state.new_documents.clear()
    assert decide_brand(state, "nike", brand_document(1), ORIGIN) is Verdict.STALE
    assert decide_campaign(state, "nike", "a", campaign_document(1), ORIGIN) is Verdict.STALE
    assert (brand.config, brand.campaigns["a"].config) == before
    assert decide_brand(state, "nike", brand_document(2), ORIGIN) is Verdict.APPLIED
    assert decide_campaign(state, "nike", "a", campaign_document(2), ORIGIN) is Verdict.APPLIED
    assert state.new_documents == {"nike": brand_document(2), "nike/a": campaign_document(2)}


def test_the_currency_of_a_brand_with_spend_is_not_changed() -> None:
    scenario = Scenario()
    for line in ("day 2025-09-08", "09:00 brand nike zone=UTC", "09:00 campaign a", "10:00 spend a 1"):
        scenario.run(line)
    refusal = decide_brand(scenario.state, "nike", brand_document(2, "EUR"), ORIGIN)
    message = "brand nike has spend in USD; its currency cannot become EUR"
    assert refusal == Refusal(RefusalReason.CURRENCY_MISMATCH, message)
    held = scenario.brand("nike").config
    assert held
    assert (held.version, held.currency) == (1, "USD")


def test_a_document_that_cannot_be_read_keeps_the_version_that_is_held() -> None:
    scenario = Scenario()
    for line in ("day 2025-09-08", "09:00 brand nike zone=UTC", "09:00 campaign a", "09:01 campaign a"):
        scenario.run(line)
    assert decide_campaign(scenario.state, "nike", "a", b"broken", ORIGIN) is Verdict.APPLIED
    assert scenario.state.new_documents["nike/a"] == b'{"version":2}'
    assert scenario.brand("nike").campaigns["a"].config == CampaignConfig(version=2, usable=False)
    cause = scenario.state.commands[-1].cause
    assert cause == CauseRecord(kind=CauseKind.CATALOG, topic="topic", partition=1, offset=77)


def test_a_document_that_cannot_be_used_is_stale_by_a_version_that_can_be_read() -> None:
    scenario = Scenario()
    for line in ("day 2025-09-08", "09:00 brand nike zone=UTC", "09:00 campaign a", "09:01 campaign a"):
        scenario.run(line)
    campaign = scenario.brand("nike").campaigns["a"]
    assert decide_campaign(scenario.state, "nike", "a", b'{"version":2}', ORIGIN) is Verdict.STALE
    assert campaign.config
    assert campaign.config.usable
    assert decide_campaign(scenario.state, "nike", "a", b'{"version":5}', ORIGIN) is Verdict.APPLIED
    assert campaign.config == CampaignConfig(version=5, usable=False)


def test_a_brands_document_never_puts_its_clock_back() -> None:
    scenario = Scenario()
    for line in ("day 2025-09-08", "09:00 brand nike zone=UTC", "09:00 campaign a", "13:00 spend a 1"):
        scenario.run(line)
    decide_brand(scenario.state, "nike", brand_document(2), ORIGIN)
    assert scenario.brand("nike").clock == parse_moment("2025-09-08T13:00:00Z")
    scenario.state.clock = parse_moment("2025-09-08T14:00:00Z")
    decide_brand(scenario.state, "nike", brand_document(3), ORIGIN)
    assert scenario.brand("nike").clock == parse_moment("2025-09-08T14:00:00Z")


def test_a_campaigns_document_that_comes_with_a_new_day_resumes_the_others_of_its_brand() -> None:
    scenario = Scenario()
    for line in ("day 2025-09-08", "09:00 brand nike zone=UTC daily=5", "09:00 campaign b", "10:00 spend b 5"):
        scenario.run(line)
    decide_campaign(scenario.state, "nike", "a", campaign_document(1), Origin("topic", 77, MIDNIGHT))
    assert set(scenario.state.pending_resumes) == {("nike", "a"), ("nike", "b")}
    pending = scenario.brand("nike").campaigns["b"].pending_resume
    assert pending == PendingResume(MIDNIGHT, CAUSE)


def test_a_campaign_that_the_catalog_brings_is_unknown_no_more() -> None:
    scenario = Scenario()
    for line in ("day 2025-09-08", "09:00 brand nike zone=UTC", "10:00 spend a 5"):
        scenario.run(line)
    decide_campaign(scenario.state, "nike", "a", campaign_document(1), ORIGIN)
    (resolved,) = scenario.state.alerts
    assert (resolved.state, resolved.alert_id) == (AlertState.RESOLVED, "nike:unknown_campaign:a:2025-09-08:1")
    assert resolved.cause == CauseRecord(kind=CauseKind.CATALOG, topic="topic", partition=1, offset=77)


def brand_document(version: int, currency: str = "USD") -> bytes:
    zones = [{"time_zone": "UTC", "from": None}]
    return json.dumps({"brand_id": "nike", "version": version, "currency": currency, "zones": zones}).encode()


def campaign_document(version: int) -> bytes:
    return json.dumps({"brand_id": "nike", "campaign_id": "a", "version": version}).encode()
