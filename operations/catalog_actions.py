"""Pause, resume, archive and unarchive: what each changes of a brand or a campaign, and in words what that does."""

from enum import StrEnum
from typing import Final

from models.queries.catalog_edits import BrandChanges, CampaignChanges
from models.tables.brand import Brand
from models.tables.campaign import Campaign

__all__ = ["CatalogAction", "actions_for"]


class CatalogAction(StrEnum):
    """The name of the command, and the last part of the address in API and console."""

    PAUSE = "pause"
    RESUME = "resume"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def result(self) -> str:
        """What the brand or campaign is afterwards, for a sentence with `is`."""
        return _RESULTS[self]

    def effect(self, kind: str, many: bool = False) -> str:
        """What it will do to a `brand`, a `campaign` or many campaigns, as the question before it says."""
        sentence = _EFFECTS[self][kind == "campaign"]
        return sentence.replace("It ", "Each ", 1) if many else sentence

    @property
    def of_brand(self) -> BrandChanges:
        """The changes for `edit_brand`."""
        return (
            {"archived": self is CatalogAction.ARCHIVE}
            if self in _ARCHIVING
            else {"enabled": self is CatalogAction.RESUME}
        )

    @property
    def of_campaign(self) -> CampaignChanges:
        """The changes for `edit_campaign`."""
        return (
            {"archived": self is CatalogAction.ARCHIVE}
            if self in _ARCHIVING
            else {"enabled": self is CatalogAction.RESUME}
        )


_ARCHIVING: Final = (CatalogAction.ARCHIVE, CatalogAction.UNARCHIVE)
_LABELS: Final = {
    CatalogAction.PAUSE: "Pause",
    CatalogAction.RESUME: "Resume",
    CatalogAction.ARCHIVE: "Archive",
    CatalogAction.UNARCHIVE: "Take out of the archive",
}
_RESULTS: Final = {
    CatalogAction.PAUSE: "paused",
    CatalogAction.RESUME: "no longer paused by hand",
    CatalogAction.ARCHIVE: "archived",
    CatalogAction.UNARCHIVE: "no longer archived",
}
#: Of a brand, and of a campaign.
_EFFECTS: Final = {
    CatalogAction.PAUSE: (
        "All of its campaigns are paused at once. Nothing but Resume ends that.",
        "It is paused at once. Nothing but Resume ends that.",
    ),
    CatalogAction.RESUME: (
        "Its campaigns run again, each as soon as nothing else holds it: budgets, windows, flight.",
        "It runs again as soon as nothing else holds it: budgets, windows, flight, its brand.",
    ),
    CatalogAction.ARCHIVE: (
        "All of its campaigns are paused. What is still spent is still counted.",
        "It is paused. What is still spent is still counted.",
    ),
    CatalogAction.UNARCHIVE: (
        "Its campaigns run again, each as soon as nothing else holds it.",
        "It runs again as soon as nothing else holds it.",
    ),
}


def actions_for(row: Brand | Campaign) -> list[CatalogAction]:
    """The actions that would change the row."""
    if row.archived:
        return [CatalogAction.UNARCHIVE]
    return [CatalogAction.PAUSE if row.enabled else CatalogAction.RESUME, CatalogAction.ARCHIVE]
