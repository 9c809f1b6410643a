"""Describes a command in words: the decision, its reasons, and what follows. Pure."""

from typing import Final

from core.records import Action, CauseKind, ControlCommand
from operations.reason_words import command_in_words

__all__ = ["cause_sentence", "feed_group", "reason_sentence"]

_CAUSES: Final = {
    CauseKind.CATALOG: "an edit of the catalog",
    CauseKind.DAYPARTING_TICK: "the clock",
    CauseKind.BUDGET_RESET: "a new budget day or month",
}


def reason_sentence(command: ControlCommand) -> str:
    """The reasons of a pause as a sentence; for a resume, that nothing holds the campaign."""
    if command.action is Action.PAUSE:
        return command_in_words(command.reasons, command.resumes_at)
    return "no reason holds it back" if command.sequence > 1 else "it is new, and no reason holds it back"


def cause_sentence(command: ControlCommand) -> str:
    """The record that caused the command, as a phrase such as `a spend of 1.25 USD`."""
    cause = command.cause
    if cause.kind in (CauseKind.SPEND, CauseKind.CORRECTION):
        what = "a refund" if (cause.amount or "").startswith("-") else f"a {cause.kind}"
        return f"{what} of {(cause.amount or '').removeprefix('-')} {command.currency}"
    return _CAUSES[cause.kind]


def feed_group(command: ControlCommand) -> str:
    """A text that is the same for commands which lists show as one entry: those of one brand and action, decided by one
    record or, since each edit is a record of its own, by edits of the catalog with the same reasons."""
    cause = command.cause
    is_edit = cause.kind is CauseKind.CATALOG
    why = ",".join(command.reasons) if is_edit else f"{cause.topic}/{cause.partition}/{cause.offset}"
    return f"{command.brand_id} {command.action} {cause.kind} {why}"
