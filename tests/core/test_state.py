"""The state knows which brands are due."""

from core.moment import NEVER
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
