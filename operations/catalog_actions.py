"""Pause, resume, archive and unarchive: what each changes of a brand or a campaign, and in words what that does."""

from enum import StrEnum
from typing import Final, cast

from sqlalchemy.orm import Session

from models.queries.catalog_edits import BrandChanges, CampaignChanges, edit_brand, edit_campaign
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogEntity

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
        """The state after the action, such as `paused`: the end of a sentence "nike is …"."""
        return _RESULTS[self]

    def effect(self, kind: str, many: bool = False) -> str:
        """What the action will do to a `brand`, a `campaign` or many campaigns, as the question before it says."""
        sentence = _EFFECTS[self][kind == "campaign"]
        return sentence.replace("It ", "Each ", 1) if many else sentence

    @property
    def changes(self) -> dict[str, bool]:
        """The fields that it sets, of a brand as of a campaign, with their values."""
        if self in _ARCHIVING:
            return {"archived": self is CatalogAction.ARCHIVE}
        return {"enabled": self is CatalogAction.RESUME}

    def apply(
        self, session: Session, kind: CatalogEntity, row_id: str, *, actor: str, expected_revision: int | None = None
    ) -> Brand | Campaign:
        """Change the brand or campaign and return it. Raises as `edit_brand` and `edit_campaign` do."""
        if kind is CatalogEntity.BRAND:
            of_brand = cast(BrandChanges, self.changes)
            return edit_brand(session, row_id, of_brand, actor=actor, expected_revision=expected_revision)
        of_campaign = cast(CampaignChanges, self.changes)
        return edit_campaign(session, row_id, of_campaign, actor=actor, expected_revision=expected_revision)


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
