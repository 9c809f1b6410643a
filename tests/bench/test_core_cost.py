"""A spend that came to cost more is noticed, also where tests/bench/test_ratios.py has too much beside it.

Bytecodes are counted and the same in each run, so their limit is close. Time has what C does as well.
"""

import sys
from typing import Final

import pytest

from bench.core_cost import CoreCost, measure, state_bytes

LIMITS: Final = CoreCost(time=2.5, bytecodes=650)


@pytest.fixture(scope="module")
def cost() -> CoreCost:
    return measure()


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="each version of Python has bytecodes of its own")
def test_a_spend_takes_no_more_bytecodes_than_it_did(cost: CoreCost) -> None:
    assert cost.bytecodes <= LIMITS.bytecodes


def test_a_spend_takes_no_more_time_than_so_many_plain_sums(cost: CoreCost) -> None:
    assert cost.time <= LIMITS.time


def test_a_spend_makes_no_more_bytes_of_state_than_it_did() -> None:
    assert state_bytes() <= (221, 16)
