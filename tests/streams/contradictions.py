"""What a worker's log says of claims of its heartbeats that proved wrong."""

import re
from typing import NamedTuple

__all__ = ["Contradiction", "contradictions"]

_FIELD = re.compile(r"(partition|arrival|margin_ms)=(\d+)")


class Contradiction(NamedTuple):
    """The first record of a chunk, which heartbeats of its partition had claimed to be decided."""

    partition: int
    arrival: int  # in milliseconds
    margin_ms: int

    def covers(self, partition: int, arrival: float) -> bool:
        """Whether those heartbeats may have claimed a record that arrived at this millisecond: none of them reached
        further beyond the first record than the margin is long."""
        return partition == self.partition and self.arrival <= arrival < self.arrival + self.margin_ms


def contradictions(output: str) -> list[Contradiction]:
    """Those of a log as people read it."""
    lines = [line for line in output.splitlines() if "heartbeat_contradicted" in line]
    return [Contradiction(**{name: int(value) for name, value in _FIELD.findall(line)}) for line in lines]
