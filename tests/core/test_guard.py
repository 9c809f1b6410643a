"""A decision that raises leaves a guarded brand as it was, and puts the state of any other in doubt."""

from collections.abc import Callable
from dataclasses import asdict

import msgspec
import pytest

from core.correction import Correction, read_correction
from core.decide import decide_correction, decide_spend
from core.decide_catalog import decide_brand, decide_campaign
from core.decide_snapshot import decide_snapshot
from core.emission import release_resumes
from core.errors import ExitCode
from core.guard import StateInDoubt, Undecidable, attempt
from core.moment import parse_moment
from core.snapshot import Snapshot, read_snapshot
from core.spend import Spend, read_spend
from core.state import Origin, PartitionState
from tests.core.scenario import Scenario

#: Brand nike has a bit of all that the state can hold, and puma is another brand of the partition.
BEFORE = (
    "day 2025-09-08",
    "09:00 brand nike zone=UTC daily=100 monthly=500 percents=50 silent=60 pacing=even",
    '09:00 campaign a daily=70 windows="daily 09:00-17:00"',
    "09:00 campaign b total=90",
    "09:00 brand puma zone=UTC daily=10 percents=50 silent=60",
    "09:00 campaign c",
    "10:00 spend a 3 brand=nike id=e1",
    "10:00 snapshot g a 2025-09-08 4 brand=nike",
    "10:00 snapshot g c 2025-09-08 6 brand=puma",
    "23:58 spend b 2 brand=nike t=09T00:01",
    "23:58 spend b 60 brand=nike",
    "hold",
    "23:59 spend b -60 brand=nike",
    "23:59 campaign f",
)


def scenario_before() -> Scenario:
    scenario = Scenario()
    for line in BEFORE:
        scenario.run(line)
    assert set(scenario.state.pending_resumes) == {("nike", "b"), ("puma", "f")}
    scenario.state.guarded.add("nike")
    return scenario


def origin(text: str) -> Origin:
    return Origin("topic", 77, parse_moment(text))


def spend(campaign_id: str, amount: str, occurred_at: str) -> Callable[[PartitionState], object]:
    fields = {"event_id": "e9", "brand_id": "nike", "campaign_id": campaign_id, "amount": amount}
    read = read_spend(msgspec.json.encode(fields | {"occurred_at": occurred_at}))
    assert isinstance(read, Spend)
    return lambda state: decide_spend(state, read, "spend-events", 77, parse_moment("2025-09-08T23:59:30Z"))


def correction() -> Callable[[PartitionState], object]:
    fields = {"correction_id": "k", "brand_id": "nike", "campaign_id": "a", "amount": "90", "booked_on": "2025-09-08"}
    read = read_correction(msgspec.json.encode(fields))
    assert isinstance(read, Correction)
    return lambda state: decide_correction(state, read, origin("2025-09-08T23:59:30Z"))


def snapshot(day: str) -> Callable[[PartitionState], object]:
    arrival = parse_moment("2025-11-30T00:00:00Z")
    fields = {"source": "g", "brand_id": "nike", "campaign_id": "a", "day": day, "cost": "9"}
    read = read_snapshot(msgspec.json.encode(fields | {"as_of": "2025-11-30T00:00:00Z"}))
    assert isinstance(read, Snapshot)
    return lambda state: decide_snapshot(state, read, arrival)


def brand_document(state: PartitionState) -> None:
    value = b'{"kind":"brand","brand_id":"nike","version":9,"currency":"USD","zones":[{"time_zone":"UTC","from":null}]}'
    decide_brand(state, "nike", value, origin("2025-09-08T23:59:30Z"))


def campaign_document(campaign_id: str, enabled: bool) -> Callable[[PartitionState], object]:
    fields = {"kind": "campaign", "brand_id": "nike", "campaign_id": campaign_id, "version": 9, "enabled": enabled}
    value = msgspec.json.encode(fields)
    return lambda state: decide_campaign(state, "nike", campaign_id, value, origin("2025-09-08T23:59:30Z"))


def released(state: PartitionState) -> None:
    state.guarded.discard("nike")
    release_resumes(state, [state.pending_resumes["nike", "b"]])
    state.guarded.add("nike")


DECISIONS: dict[str, Callable[[PartitionState], object]] = {
    "spend that pauses": spend("a", "96", "2025-09-08T23:59:00Z"),
    "spend of a campaign that is not known": spend("x", "1", "2025-09-08T23:59:00Z"),
    "spend of tomorrow": spend("a", "1", "2025-09-09T00:02:00Z"),
    "a correction": correction(),
    "a snapshot that drops old costs": snapshot("2025-11-29"),
    "a brand's document": brand_document,
    "a campaign's document": campaign_document("b", False),
    "a new campaign's document": campaign_document("d", False),
    "a new campaign's document that awaits its first resume": campaign_document("d", True),
    "a resume": released,
}


def picture(state: PartitionState) -> object:
    """All that the state holds, without empty dictionaries."""
    held = asdict(state)
    ids = held.pop("duplicates")
    held["costs"] = {brand: costs for brand, costs in held["costs"].items() if costs}
    held["thresholds"] = {brand: raised for brand, raised in held["thresholds"].items() if raised}
    held["boundaries"] = sorted(state.boundaries)
    held["spend_events"] = msgspec.json.encode(state.spend_events)
    return held, ids.mark(), ids.seen


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision_that_raises_at_its_end_changes_nothing_of_a_guarded_brand(decision: str) -> None:
    scenario, untouched = scenario_before(), scenario_before()
    state, before = scenario.state, picture(scenario.state)
    objects = [state.brands["nike"], *state.brands["nike"].campaigns.values()]

    def raising() -> None:
        DECISIONS[decision](state)
        assert picture(state) != before, "the decision does not do what this test is about"
        raise ZeroDivisionError

    with pytest.raises(Undecidable, match=r"^deciding about brand nike failed; its state is as before$") as failure:
        attempt(state, "nike", raising)
    assert failure.value.brand_id == "nike"
    assert isinstance(failure.value.__cause__, ZeroDivisionError)
    assert picture(state) == before
    now = [state.brands["nike"], *state.brands["nike"].campaigns.values()]
    assert len(now) == len(objects) and all(one is other for one, other in zip(now, objects, strict=True))
    for line in ("release", "09T00:00 tick", "09T09:00 tick", "09T10:00 spend a 70 brand=nike", "09T12:00 tick"):
        for it in (scenario, untouched):
            it.run(line)
    assert scenario.commands == untouched.commands
    assert scenario.alerts == untouched.alerts


def test_a_brand_that_only_a_failed_decision_brought_is_not_there_afterwards() -> None:
    scenario = Scenario()
    scenario.state.guarded.add("nike")

    def raising() -> None:
        brand_document(scenario.state)
        raise ZeroDivisionError

    with pytest.raises(Undecidable):
        attempt(scenario.state, "nike", raising)
    assert scenario.state.brands == {}
    with pytest.raises(Undecidable):
        attempt(scenario.state, "nike", lambda: 1 / 0)
    assert scenario.state.brands == {}


@pytest.mark.parametrize("guarded", [set(), {"nike"}])
def test_a_decision_gets_its_arguments_and_its_answer_is_returned(guarded: set[str]) -> None:
    scenario = Scenario()
    scenario.state.guarded |= guarded
    assert attempt(scenario.state, "nike", lambda *args, **kwargs: (args, kwargs), 1, 2, three=3) == (
        (1, 2),
        {"three": 3},
    )


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_guarded_brand_is_decided_like_any_other(decision: str) -> None:
    guarded, plain = scenario_before(), scenario_before()
    plain.state.guarded.clear()
    for it in (guarded, plain):
        answer = attempt(it.state, "nike", DECISIONS[decision], it.state)
        it.state.guarded.add("nike")
        assert answer == DECISIONS[decision](scenario_before().state)
    assert sorted(guarded.state.silence_checks) == sorted(plain.state.silence_checks)
    for it in (guarded, plain):
        it.state.silence_checks.sort()
    assert picture(guarded.state) == picture(plain.state)


def test_an_exception_about_any_other_brand_puts_the_partition_in_doubt() -> None:
    scenario = scenario_before()

    def raising() -> None:
        raise ZeroDivisionError

    words = "^deciding about brand puma failed; the partition's state must be restored$"
    with pytest.raises(StateInDoubt, match=words) as doubt:
        attempt(scenario.state, "puma", raising)
    assert doubt.value.brand_id == "puma"
    assert doubt.value.exit_code is ExitCode.RESTART
    assert isinstance(doubt.value.__cause__, ZeroDivisionError)


def test_a_guarded_brand_whose_state_could_not_be_derived_is_derived_before_its_next_decision() -> None:
    scenario = scenario_before()
    state, brand = scenario.state, scenario.brand("nike")
    state.underived.add("nike")
    before = brand.daily_high, brand.day_ends_at
    brand.daily_high = brand.day_ends_at = 0
    derived = []
    attempt(state, "nike", lambda: derived.append((brand.daily_high, brand.day_ends_at)))
    assert derived == [before]
    assert state.underived == set()


def test_a_brand_that_cannot_be_derived_stays_to_be_derived() -> None:
    scenario = scenario_before()
    scenario.state.underived.add("nike")
    with pytest.raises(Undecidable):
        attempt(scenario.state, "nike", lambda: 1 / 0)
    assert scenario.state.underived == {"nike"}
