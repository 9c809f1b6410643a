"""Two people edited the same thing: what each of them changed, field by field. No I/O."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from console.web.admin.fields import Field

__all__ = ["FieldVersions", "Standing", "versions_of", "was_touched"]


class Standing(StrEnum):
    """Who changed a field since the page was opened."""

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
    def standing(self) -> Standing:
        """The same change made by both is nobody's to decide on."""
        if self.yours == self.theirs:
            return Standing.NOBODY
        if self.yours == self.seen:
            return Standing.OTHERS
        return Standing.YOU if self.theirs == self.seen else Standing.BOTH

    @property
    def proposed(self) -> str | None:
        """What stands unless the person chooses otherwise; None where both changed it, which nobody else can decide."""
        return {Standing.OTHERS: self.theirs, Standing.BOTH: None}.get(self.standing, self.yours)


def versions_of(
    fields: Sequence[Field], *, seen: Mapping[str, str], yours: Mapping[str, str], theirs: Mapping[str, str]
) -> list[FieldVersions]:
    """Texts by name, as `fields.texts_of` writes them: as the page was opened, as it was sent, as it is saved."""
    return [FieldVersions(field, seen.get(field.name, ""), yours[field.name], theirs[field.name]) for field in fields]


def was_touched(versions: Sequence[FieldVersions]) -> bool:
    """Whether others changed any of these fields; a pause or new windows leave the fields of a form as they are."""
    return any(it.seen != it.theirs for it in versions)
