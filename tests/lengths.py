"""How long a test of drawn examples, large inputs or many kills is: short in `make test`, whole in `make test-long`.

A test that has two lengths bears the marker `long`; `make test-long` runs just those, with SPENDGATE_TEST_LENGTH=long,
and CI runs every test so. A full length includes what the short one shows: more of the same examples, bytes or kills.
One that repeats at other values what a test of `make test` shows, or that takes minutes, bears `long_only`, and
`make test` leaves it out.
"""

import os
from typing import Final

__all__ = ["WHOLE", "length"]

WHOLE: Final = os.environ.get("SPENDGATE_TEST_LENGTH") == "long"


def length(short: int, long: int) -> int:
    """The number that is wanted in this run."""
    return long if WHOLE else short
