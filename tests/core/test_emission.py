"""Pending resumes are released in one order; one that cannot be decided is dropped and keeps no other from its turn."""

import pytest

from core import emission
from core.emission import release_resumes
from core.records import Action, ControlCommand
from core.state import BrandState, CampaignState
from tests.core.scenario import Scenario, check

#: Three campaigns whose resumes are pending.
HELD = """
    day 2025-09-08
    09:00 brand nike zone=UTC daily=1
    09:00 campaign a
    09:00 campaign b
    09:00 campaign c
    09:01 spend a 1
      -> pause a daily_budget
      -> pause b daily_budget
      -> pause c daily_budget
    hold
    09:02 brand nike daily=5
"""


def pending(scenario: Scenario) -> list[tuple[BrandState, CampaignState]]:
    return list(scenario.state.pending_resumes.values())


def test_resumes_are_released_in_the_order_of_their_ids() -> None:
    scenario = check(HELD)
    assert release_resumes(scenario.state, reversed(pending(scenario))) == []
    assert [(it.campaign_id, it.action) for it in scenario.state.commands] == [(it, Action.RESUME) for it in "abc"]


def test_a_campaign_without_a_pending_resume_keeps_no_other_from_its_turn() -> None:
    scenario = check(HELD)
    campaigns = pending(scenario)
    release_resumes(scenario.state, campaigns[:1])
    release_resumes(scenario.state, campaigns)
    assert [it.campaign_id for it in scenario.state.commands] == ["a", "b", "c"]


def test_a_resume_of_a_guarded_brand_that_cannot_be_decided_is_dropped_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenario = check(HELD)
    scenario.flush()
    state, campaigns = scenario.state, pending(scenario)
    state.guarded.add("nike")
    build = emission.build_command

    def build_but_b(brand: BrandState, campaign: CampaignState, *rest: object, **more: object) -> ControlCommand:
        if campaign.campaign_id == "b":
            raise RuntimeError("a defect")
        return build(brand, campaign, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(emission, "build_command", build_but_b)
    cause = campaigns[1][1].pending_resume
    assert cause is not None
    ((failed_cause, failure),) = release_resumes(state, campaigns)
    assert failed_cause == cause.cause
    assert str(failure.__cause__) == "a defect"
    assert [it.campaign_id for it in state.commands] == ["a", "c"]
    assert state.pending_resumes == {}
    brand = state.brands["nike"]
    assert brand.campaigns["b"].pending_resume is None
    # The flush has it, so that no restart brings it back.
    scenario.restart()
    assert scenario.state.pending_resumes == {}
