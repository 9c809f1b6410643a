"""What is done to a brand or a campaign by one button: each with what it is called and what it will do."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from models.brand import Brand
from models.campaign import Campaign

__all__ = ["Act", "Change", "acts_for"]


class Change(NamedTuple):
    """Of which field, and into what."""

    field: Literal["enabled", "archived"]
    value: bool


class Act(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"

    @property
    def change(self) -> Change:
        return _CHANGES[self]

    @property
    def label(self) -> str:
        return _LABELS[self]

    def effect(self, kind: str) -> str:
        """What it will do to a `brand` or a `campaign`, for the question before it is done."""
        return _EFFECTS[self, kind]


_CHANGES: Final = {
    Act.PAUSE: Change("enabled", False),
    Act.RESUME: Change("enabled", True),
    Act.ARCHIVE: Change("archived", True),
    Act.UNARCHIVE: Change("archived", False),
}
_LABELS: Final = {
    Act.PAUSE: "Pause",
    Act.RESUME: "Resume",
    Act.ARCHIVE: "Archive",
    Act.UNARCHIVE: "Take out of the archive",
}
_EFFECTS: Final = {
    (Act.PAUSE, "brand"): "All of its campaigns are told to pause now. Nothing but Resume ends that.",
    (Act.RESUME, "brand"): "Its campaigns run again, each as soon as nothing else holds it: budgets, windows, flight.",
    (Act.ARCHIVE, "brand"): "All of its campaigns are told to pause. What is still spent is still counted.",
    (Act.UNARCHIVE, "brand"): "Its campaigns run again, each as soon as nothing else holds it.",
    (Act.PAUSE, "campaign"): "It is told to pause now. Nothing but Resume ends that.",
    (Act.RESUME, "campaign"): "It runs again as soon as nothing else holds it: budgets, windows, flight, its brand.",
    (Act.ARCHIVE, "campaign"): "It is told to pause. What it still spends is still counted.",
    (Act.UNARCHIVE, "campaign"): "It runs again as soon as nothing else holds it.",
}


def acts_for(row: Brand | Campaign) -> Iterable[Act]:
    """What can be done to it now."""
    if row.archived:
        return [Act.UNARCHIVE]
    return [Act.PAUSE if row.enabled else Act.RESUME, Act.ARCHIVE]
