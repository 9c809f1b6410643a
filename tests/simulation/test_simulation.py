"""Random days, seeded: whatever comes in whatever order, the state is what the ledger and the documents say.

A failure names its seed; `run_days(SEED)` replays it.
"""

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from core.reasons import Reason
from tests.lengths import length
from tests.simulation.checks import Checks
from tests.simulation.engine import Engine
from tests.simulation.history import Mark, Record, Step, history

DAYS = 5
#: Whole in `make test-long`.
pytestmark = pytest.mark.long

seeds = st.integers(0, 2**32 - 1)


def examples(count: int) -> settings:
    """The same ones in every run. A smaller seed is no smaller history, so there is nothing to shrink."""
    return settings(
        max_examples=count, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
    )


def run_days(seed: int) -> Checks:
    checks = Checks(seed)
    checks.run(history(seed, DAYS))
    return checks


@pytest.mark.timeout(900)  # a minute of CPU, on machines that have other work
@examples(length(4, 130))  # of 5 days each; the next test checks 12 more
@given(seed=seeds)
def test_state_and_commands_are_what_ledger_documents_and_clock_say(seed: int) -> None:
    run_days(seed)


def test_the_days_are_full_of_everything_that_can_happen() -> None:
    met = set().union(*(run_days(seed).met for seed in range(12)))
    assert met >= {reason.name.lower() for reason in Reason if reason.name}
    assert met >= {f"{action} {until}" for action in ("pause", "resume") for until in ("until", "for ever")}
    for verdict in ("COUNTED", "DUPLICATE", "DUPLICATE_OF_OTHER_AMOUNT", "UNKNOWN_BRAND", "OCCURRED_IN_FUTURE"):
        assert f"spend-events {verdict}" in met
    for verdict in ("COUNTED", "STALE", "DUPLICATE_OF_OTHER_AMOUNT", "OCCURRED_IN_FUTURE", "SNAPSHOT_TOO_OLD"):
        assert f"spend-snapshots {verdict}" in met
    assert met >= {"catalog APPLIED", "catalog STALE", "catalog CURRENCY_MISMATCH", "spend-corrections COUNTED"}


@examples(length(6, 50))
@given(seed=seeds)
def test_a_replay_makes_the_same_bytes_with_kills_and_without(seed: int) -> None:
    steps = history(seed, DAYS)
    observed = Engine().run(steps)
    assert observed == Engine().run(steps)
    assert observed == Engine(kills=False).run(steps)
    assert observed


@examples(length(2, 15))
@given(seed=seeds, every=st.integers(1, 7))
def test_a_kill_after_every_step_changes_nothing(seed: int, every: int) -> None:
    steps = [step for step in history(seed, 2) if step is not Mark.KILL]
    killed: list[Step] = []
    for number, step in enumerate(steps):
        killed += [step, Mark.FLUSH, Mark.KILL] if number % every == 0 else [step, Mark.KILL]
    assert Engine().run(killed) == Engine(kills=False).run(killed)


@examples(length(4, 40))
@given(seed=seeds)
def test_a_brand_alone_is_told_the_same_as_among_others(seed: int) -> None:
    steps = history(seed, DAYS)
    observed = Engine().run(steps)
    brand_ids = {step.brand_id for step in steps if isinstance(step, Record)} - {""}
    for brand_id in brand_ids:
        alone = [step for step in steps if not isinstance(step, Record) or step.brand_id in ("", brand_id)]
        assert Engine().run(alone) == [it for it in observed if msgspec.json.decode(it)["brand_id"] == brand_id]


@pytest.mark.parametrize("seed", [3, 9])
def test_a_seed_writes_the_same_history_again(seed: int) -> None:
    assert history(seed, DAYS) == history(seed, DAYS)
    assert history(seed, DAYS) != history(seed + 1, DAYS)
