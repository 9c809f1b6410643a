"""An edit that meets another one: the versions of each field. Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from console.pages.admin.fields import Field

__all__ = ["ChangedBy", "FieldVersions", "versions_of", "was_touched"]


class ChangedBy(StrEnum):
    """Who changed a field since the form was opened."""

    NOBODY = "nobody"
    YOU = "you"
    OTHERS = "others"
    BOTH = "both"


class FieldVersions(NamedTuple):
    field: Field
    seen: str
    yours: str
    theirs: str

    @property
    def changed_by(self) -> ChangedBy:
        """NOBODY where both made the same change: there is nothing to decide."""
        if self.yours == self.theirs:
            return ChangedBy.NOBODY
        if self.yours == self.seen:
            return ChangedBy.OTHERS
        return ChangedBy.YOU if self.theirs == self.seen else ChangedBy.BOTH

    @property
    def proposed(self) -> str | None:
        """The version that is preselected; None where both changed the field, as only the person can decide."""
        return {ChangedBy.OTHERS: self.theirs, ChangedBy.BOTH: None}.get(self.changed_by, self.yours)


def versions_of(
    fields: Sequence[Field], *, seen: Mapping[str, str], yours: Mapping[str, str], theirs: Mapping[str, str]
) -> list[FieldVersions]:
    """Texts by field name, as of `fields.texts_of`: when the form was opened, as sent, as saved by others."""
    return [FieldVersions(field, seen.get(field.name, ""), yours[field.name], theirs[field.name]) for field in fields]


def was_touched(versions: Sequence[FieldVersions]) -> bool:
    """Whether others changed one of the fields; a revision may also differ by a pause or by windows."""
    return any(it.seen != it.theirs for it in versions)
