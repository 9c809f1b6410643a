"""Figures of several runs as Markdown: medians, with the lowest and the highest beside them."""

import statistics
from collections.abc import Mapping, Sequence

__all__ = ["figure", "markdown_table", "spread"]


def spread(values: Sequence[float]) -> str:
    """`12 (11-14)`: the median of the runs, the lowest and the highest one. A single run is told alone."""
    middle = figure(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({figure(min(values))}-{figure(max(values))})"


def markdown_table(head: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """A row begins with its name."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, cells in rows.items():
        if len(cells) != len(head) - 1:
            raise ValueError(f"{name} has {len(cells)} cells, not {len(head) - 1}")
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines) + "\n"


def figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.2f}".rstrip("0").rstrip(".")
