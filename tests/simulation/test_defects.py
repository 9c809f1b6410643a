"""A defect that one brand meets is that brand's alone, wherever in the core it is, and leaves nothing half done."""

import json
from functools import cache
from random import Random
from typing import Any

import pytest

from tests.lengths import length
from tests.simulation.defects import CALL_SITES, DefectiveEngine, everything, inject
from tests.simulation.engine import Engine
from tests.simulation.history import Mark, Record, Step, history

BRAND = "nike"
#: The first one has a broken document after a good one, which the others lack.
SEEDS = (17, 0, 1, 2, 3)
#: Days that meet the defect, after which no more days are looked at.
ENOUGH = length(1, len(SEEDS))


def others(observed: list[bytes]) -> list[bytes]:
    return [command for command in observed if json.loads(command)["brand_id"] != BRAND]


def without_brand(steps: list[Step]) -> list[Step]:
    return [step for step in steps if not (isinstance(step, Record) and step.brand_id == BRAND)]


def with_others(seed: int) -> list[Step]:
    """Of some days with more brands than the one, and the worker killed now and then."""
    while True:
        steps = history(seed, 3)
        if len({step.brand_id for step in steps if isinstance(step, Record)} - {""}) > 1:
            return steps
        seed += 1_000


@cache
def without_defect(seed: int) -> tuple[list[Step], list[bytes], object]:
    """Some days of several brands; the commands and the brands that are left where the one is not there."""
    steps = with_others(seed)
    alone = Engine(kills=False)
    return steps, alone.run(without_brand(steps)), brands(alone)


@pytest.mark.long
@pytest.mark.parametrize("often", [1.0, 0.3], ids=["always", "sometimes"])
@pytest.mark.parametrize(("owner", "name"), CALL_SITES, ids=lambda it: getattr(it, "__name__", it))
def test_every_other_brand_is_decided_as_if_the_one_with_the_defect_were_not_there(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, often: float
) -> None:
    met = 0
    for seed in SEEDS:
        steps, wanted, wanted_brands = without_defect(seed)
        with monkeypatch.context() as patch:
            raised = inject(patch, owner, name, BRAND, Random(seed), often)
            engine = DefectiveEngine()
            observed = engine.run(steps)
        assert others(observed) == wanted, f"seed {seed}"
        assert engine.restores <= engine.processes, "a guarded brand needs no restore"
        engine.state.brands.pop(BRAND, None)
        assert brands(engine) == wanted_brands, f"seed {seed}"
        met += bool(raised)
        if met == ENOUGH:
            break
    assert met or often < 1


def test_once_the_defect_is_mended_the_brand_goes_on() -> None:
    with pytest.MonkeyPatch.context() as patch:
        steps = with_others(1)
        engine = DefectiveEngine()
        inject(patch, CALL_SITES[1][0], "advance", BRAND, Random(1), 0.2)
        engine.run(steps[: len(steps) // 2])
    before = engine.undecidable
    engine.run([Mark.FLUSH, *steps[len(steps) // 2 :]])
    assert engine.undecidable == before > 0
    assert not engine.state.underived


def brands(engine: Engine) -> object:
    clock, held, *_ = everything(engine.state)[0]  # type: ignore[misc]
    return clock, held
