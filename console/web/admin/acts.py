"""What is done to a brand or a campaign by one button: each with what it is called and what it will do."""

from enum import StrEnum
from typing import Final

from models.brand import Brand
from models.campaign import Campaign
from models.catalog import BrandChanges, CampaignChanges

__all__ = ["Act", "acts_for"]


class Act(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"

    @property
    def label(self) -> str:
        return _LABELS[self]

    def effect(self, kind: str, many: bool = False) -> str:
        """What it will do to a `brand`, a `campaign` or many campaigns, for the question before it is done."""
        told = _EFFECTS[self][kind == "campaign"]
        return told.replace("It ", "Each ", 1) if many else told

    def of_brand(self) -> BrandChanges:
        """The change that it is."""
        if self in (Act.ARCHIVE, Act.UNARCHIVE):
            return {"archived": self is Act.ARCHIVE}
        return {"enabled": self is Act.RESUME}

    def of_campaign(self) -> CampaignChanges:
        if self in (Act.ARCHIVE, Act.UNARCHIVE):
            return {"archived": self is Act.ARCHIVE}
        return {"enabled": self is Act.RESUME}


_LABELS: Final = {
    Act.PAUSE: "Pause",
    Act.RESUME: "Resume",
    Act.ARCHIVE: "Archive",
    Act.UNARCHIVE: "Take out of the archive",
}
#: Of a brand, and of a campaign.
_EFFECTS: Final = {
    Act.PAUSE: (
        "All of its campaigns are told to pause now. Nothing but Resume ends that.",
        "It is told to pause now. Nothing but Resume ends that.",
    ),
    Act.RESUME: (
        "Its campaigns run again, each as soon as nothing else holds it: budgets, windows, flight.",
        "It runs again as soon as nothing else holds it: budgets, windows, flight, its brand.",
    ),
    Act.ARCHIVE: (
        "All of its campaigns are told to pause. What is still spent is still counted.",
        "It is told to pause. What is still spent is still counted.",
    ),
    Act.UNARCHIVE: (
        "Its campaigns run again, each as soon as nothing else holds it.",
        "It runs again as soon as nothing else holds it.",
    ),
}


def acts_for(row: Brand | Campaign) -> list[Act]:
    """What can be done to it now."""
    if row.archived:
        return [Act.UNARCHIVE]
    return [Act.PAUSE if row.enabled else Act.RESUME, Act.ARCHIVE]
