"""The state knows which brands are due, and which resumes are pending."""

from core.moment import NEVER
from core.records import CauseKind
from core.state import CampaignState, Cause, PendingResume
from tests.core.scenario import new_state


def test_a_brand_is_due_once_at_its_boundary() -> None:
    state = new_state()
    nike, puma = state.brand("nike"), state.brand("puma")
    state.add_boundary(puma, 200)
    state.add_boundary(nike, 100)
    assert list(state.due(99)) == []
    assert list(state.due(100)) == [nike]
    assert list(state.due(100)) == []
    assert list(state.due(200)) == [puma]


def test_a_boundary_that_was_replaced_makes_nothing_due() -> None:
    state = new_state()
    nike = state.brand("nike")
    state.add_boundary(nike, 100)
    state.add_boundary(nike, 300)
    assert list(state.due(299)) == []
    assert list(state.due(300)) == [nike]
    state.add_boundary(nike, NEVER)
    assert list(state.due(NEVER)) == []


def test_a_brand_whose_decision_failed_is_due_again() -> None:
    state = new_state()
    nike = state.brand("nike")
    state.add_boundary(nike, 100)
    assert list(state.due(100)) == [nike]
    state.wake_again(nike)
    assert list(state.due(99)) == []
    assert list(state.due(100)) == [nike]


def test_brands_are_asked_for_their_silence_by_id_and_stay_due_until_they_are_taken() -> None:
    state = new_state()
    vans, nike, puma, later = (state.brand(name) for name in ("vans", "nike", "puma", "asics"))
    for brand, moment in ((vans, 100), (nike, 300), (puma, 200), (later, 400)):
        state.add_silence_check(brand, moment)
    asked = state.due_silence_checks(300)
    assert next(asked) is nike
    asked.close()
    assert list(state.due_silence_checks(299)) == [puma, vans]
    assert list(state.due_silence_checks(NEVER)) == [later]


def test_a_resume_that_replaces_a_pending_one_is_counted_in_its_place() -> None:
    state, cause = new_state(), Cause(CauseKind.CATALOG, "catalog", 0, 0)
    nike, campaign, other = state.brand("nike"), CampaignState("a"), CampaignState("b")
    state.await_resume(nike, campaign, PendingResume(100, cause))
    state.await_resume(nike, other, PendingResume(200, cause))
    assert state.resumes_pending_since == 100
    state.await_resume(nike, campaign, PendingResume(300, cause))
    assert state.resumes_pending_since == 200
    state.drop_resume(nike, other)
    assert state.resumes_pending_since == 300
    state.drop_resume(nike, campaign)
    assert (state.resumes_pending_since, state.pending_resumes) == (None, {})


def test_a_brand_of_another_state_is_taken_with_its_pending_resumes() -> None:
    before, state, cause = new_state(), new_state(), Cause(CauseKind.CATALOG, "catalog", 0, 0)
    nike = before.brand("nike")
    waiting, running = nike.campaign("a"), nike.campaign("b")
    resume = PendingResume(100, cause)
    before.await_resume(nike, waiting, resume)
    state.take_brand(nike)
    assert state.brands == {"nike": nike}
    assert state.pending_resumes == {("nike", "a"): (nike, waiting)}
    assert (state.pending_moments, waiting.pending_resume, running.pending_resume) == ({100: 1}, resume, None)
