"""A set of reasons is one number that lists its names sorted."""

from itertools import combinations

from core.reasons import NO_REASONS, Reason, reason_names, reasons_from_names

NAMES = (
    "archived",
    "campaign_daily_budget",
    "campaign_total_budget",
    "daily_budget",
    "flight",
    "invalid",
    "manual",
    "monthly_budget",
    "pacing",
    "schedule",
)


def test_the_names_are_the_contracts() -> None:
    every = NO_REASONS
    for reason in Reason:
        every |= reason
    assert reason_names(every) == NAMES == tuple(sorted(NAMES))


def test_every_set_lists_itself_sorted_and_is_read_again() -> None:
    for size in range(len(NAMES) + 1):
        for names in combinations(NAMES, size):
            assert reason_names(reasons_from_names(list(reversed(names)))) == names


def test_no_reason_is_no_name() -> None:
    assert reason_names(NO_REASONS) == ()
    assert not reasons_from_names([])
