"""The form that edits a brand or a campaign, with optimistic locking.

The page carries the revision and the texts that it was opened with (`seen-<name>`), so that an edit that meets another
one can be shown beside it, field by field. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Self

from console.pages.admin.conflict import FieldVersions, versions_of, was_touched
from console.pages.admin.fields import CheckedForm, Field, InputKind, read_form, texts_of, value_text

__all__ = ["CONFIRMED_BUDGETS", "EditForm", "Input", "revision_in"]

_SEEN: Final = "seen-"
#: A hidden field: the budgets that the form has asked about.
CONFIRMED_BUDGETS: Final = "confirmed_budgets"


class Input(NamedTuple):
    """A field as a template renders it."""

    field: Field
    text: str
    error: str
    seen: str


@dataclass(frozen=True, slots=True)
class EditForm:
    """The form. `questions` are empty where nothing is asked before it is saved."""

    fields: Sequence[Field]
    checked: CheckedForm
    seen: Mapping[str, str]
    #: The row's revision when the form was opened; 0 for a new row.
    revision: int
    #: Sentences about budgets: the form is sent again to save them.
    questions: Sequence[str] = ()
    #: The budgets whose questions were answered, as `budget_texts`.
    confirmed_budgets: str = ""

    @classmethod
    def opened(cls, fields: Sequence[Field], texts: Mapping[str, str], revision: int = 0) -> Self:
        """The form of a row, or a blank one."""
        return cls(fields, CheckedForm(dict(texts), {}, {}), texts, revision)

    @classmethod
    def sent(cls, fields: Sequence[Field], form: Mapping[str, object]) -> Self:
        seen = {field.name: str(form.get(_SEEN + field.name, "")) for field in fields}
        confirmed = str(form.get(CONFIRMED_BUDGETS, ""))
        return cls(fields, read_form(fields, form), seen, revision_in(form), confirmed_budgets=confirmed)

    @property
    def budget_texts(self) -> str:
        """The budgets as sent, so that a question that was answered is asked again for another number."""
        return " ".join(self.checked.texts[it.name] or "none" for it in self.fields if it.kind is InputKind.MONEY)

    def asking(self, dangers: Sequence[str]) -> Self | None:
        """The form with its questions; None where there are none, or where they were answered."""
        if not dangers or self.confirmed_budgets == self.budget_texts:
            return None
        return replace(self, questions=dangers)

    @property
    def errors(self) -> dict[str, str]:
        return self.checked.errors

    @property
    def inputs(self) -> list[Input]:
        texts, errors = self.checked.texts, self.errors
        return [
            Input(it, texts.get(it.name, ""), errors.get(it.name, ""), self.seen.get(it.name, "")) for it in self.fields
        ]

    def conflict(self, row: object, revision: int) -> list[FieldVersions]:
        """The versions of every field, where others changed one of them since the form was opened; else none."""
        if revision == self.revision:
            return []
        yours = {field.name: value_text(field, self.checked.values[field.key]) for field in self.fields}
        versions = versions_of(self.fields, seen=self.seen, yours=yours, theirs=texts_of(self.fields, row))
        return versions if was_touched(versions) else []


def revision_in(form: Mapping[str, object]) -> int:
    """0, the revision of no row, where the form has no number."""
    text = form.get("revision")
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10 else 0
