"""Which numbers of an edit are asked about, as a table."""

import pytest

from operations.dangerous_budgets import dangers_of

D, M, T = "daily_budget_micros", "monthly_budget_micros", "total_budget_micros"
UNIT = 1_000_000


@pytest.mark.parametrize(
    ("before", "changes", "said"),
    [
        ({D: 10 * UNIT}, {D: None}, ["Nothing would limit the daily budget"]),
        ({T: 10 * UNIT}, {T: None}, ["Nothing would limit the total budget"]),
        ({D: 0}, {D: None}, ["Nothing would limit the daily budget"]),
        ({D: None}, {D: None}, []),
        ({}, {D: None, M: None}, []),
        ({D: 10 * UNIT}, {D: 30 * UNIT}, []),
        ({D: 10 * UNIT}, {D: 30 * UNIT + 1}, ["The daily budget of 30.000001 is more than 3 times 10.00"]),
        ({D: 10 * UNIT}, {D: 5 * UNIT}, []),
        ({D: 0}, {D: 5 * UNIT}, []),
        ({D: None}, {D: 1}, []),
        ({D: 10 * UNIT, M: 100 * UNIT}, {M: 9 * UNIT}, ["The daily budget of 10.00 is above the monthly budget of 9"]),
        ({D: 10 * UNIT, M: 10 * UNIT}, {D: 10 * UNIT + 1}, ["The daily budget of 10.000001 is above the monthly"]),
        ({}, {D: 10 * UNIT, M: 9 * UNIT}, ["The daily budget of 10.00 is above the monthly budget of 9.00."]),
        ({D: 10 * UNIT, M: 10 * UNIT}, {D: 9 * UNIT}, []),
        ({D: 20 * UNIT, M: 10 * UNIT}, {"name": "another"}, []),
        ({D: 20 * UNIT, M: 10 * UNIT}, {D: 20 * UNIT, M: 10 * UNIT}, []),
        ({D: 20 * UNIT, M: None}, {M: None, D: 61 * UNIT}, ["The daily budget of 61.00 is more than 3 times 20.00"]),
        ({D: UNIT, M: UNIT}, {D: None, M: 4 * UNIT}, ["Nothing would limit the daily", "The monthly budget of 4.00"]),
    ],
)
def test_what_is_asked_about(before: dict[str, int | None], changes: dict[str, object], said: list[str]) -> None:
    found = dangers_of(before, changes)
    assert len(found) == len(said), found
    assert all(sentence.startswith(words) for sentence, words in zip(found, said, strict=True)), found
