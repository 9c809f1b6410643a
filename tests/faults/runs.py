"""The seed of the fault tests and the runs in which faults are drawn by it. SPENDGATE_FAULTS_SEED is another one."""

import os
from random import Random
from typing import Final, NamedTuple

__all__ = ["SEED", "Run", "runs_of"]

SEED: Final = int(os.environ.get("SPENDGATE_FAULTS_SEED") or 20261126)
_SEEDS: Final = 1_000_000


class Run(NamedTuple):
    seed: int
    faults: int

    def __str__(self) -> str:
        return f"{self.faults} faults, seed {self.seed}"


def runs_of(faults: int, *, at_most: int) -> list[Run]:
    """So many faults in all, `at_most` of them in one run. The first run has SEED, so that each of them is repeated by
    its own seed alone."""
    drawn = Random(SEED)
    begins = range(0, faults, at_most)
    return [Run(drawn.randrange(_SEEDS) if begin else SEED, min(at_most, faults - begin)) for begin in begins]
