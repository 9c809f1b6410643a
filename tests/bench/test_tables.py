"""Figures as they stand in the pages."""

import pytest

from bench.peer_table import table
from bench.tables import markdown_table, spread


def test_a_figure_is_the_median_with_the_lowest_and_the_highest() -> None:
    assert spread([3.0, 1.5, 2.25]) == "2.25 (1.5-3)"
    assert spread([190_000, 210_000.4, 200_000]) == "200,000 (190,000-210,000)"
    assert spread([7]) == "7"


def test_a_row_has_a_cell_for_each_column() -> None:
    assert markdown_table(["what", "ms"], {"poll": ["3"]}) == "| what | ms |\n|---|---|\n| poll | 3 |\n"
    with pytest.raises(ValueError, match="poll has 2 cells, not 1"):
        markdown_table(["what", "ms"], {"poll": ["3", "4"]})


def test_a_program_that_counted_wrong_in_one_run_has_no_figures() -> None:
    right = {"events_per_second": 5, "warm_events_per_second": 6}
    runs = [{"peer": right, "raw": {"events_per_second": 9}}, {"peer": {"refused": "1 wrong"}, "raw": right}]
    rows = table(runs).splitlines()[2:]
    assert rows == ["| peer | refused: 1 wrong |  |", "| raw | 7 (5-9) | 6 |"]
