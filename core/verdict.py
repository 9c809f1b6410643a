"""What a decision did with a record that it did not refuse."""

from enum import Enum, auto

__all__ = ["Verdict"]


class Verdict(Enum):
    """The outcome of a decision; a refused record has a `core.refusal.Refusal` in its place."""

    COUNTED = auto()
    COUNTED_FOR_UNKNOWN_CAMPAIGN = auto()  # the catalog does not know it; the money counts to the brand all the same
    DUPLICATE = auto()
    DUPLICATE_OF_OTHER_AMOUNT = auto()
    UNKNOWN_BRAND = auto()  # not applied: the caller decides again, or refuses, once the catalog is read to its end
    APPLIED = auto()  # a catalog document is in force, or a snapshot's cost is held; nothing is counted
    STALE = auto()  # a catalog version, or the `as_of` of a snapshot, not above the one held
