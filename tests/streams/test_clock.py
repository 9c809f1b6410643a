"""The machine's clock is read in one place; whatever decides is given the moment."""

import re
from typing import Final

from tests.docs.repository import files, text_of

#: Programs of their own: measurements, what users install without Spendgate, and tests.
APART: Final = ("bench/", "clients/", "tests/")
#: Lengths of time are measured by other clocks, such as time.monotonic.
ASKS_FOR_THE_PRESENT: Final = re.compile(
    r"\btime\.(time|time_ns|gmtime|localtime)\b|^from time import .*\btime(_ns)?\b"
    r"|\b(date|datetime)\.(now|today|utcnow)\b",
    re.MULTILINE,
)


def test_the_present_moment_is_that_of_one_module() -> None:
    ours = [path for path in files() if path.endswith(".py") and not path.startswith(APART)]
    assert [path for path in ours if ASKS_FOR_THE_PRESENT.search(text_of(path))] == ["streams/clock.py"]
