"""Records of `budget-alerts` and `campaign-control` as messages: id, JSON body, and words for people."""

import hashlib
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from core.errors import SpendgateError
from core.moment import Moment, format_moment, parse_moment
from core.records import Action, AlertKind, AlertState, BudgetAlert, ControlCommand, Severity
from core.spend import valid_id
from streams.kafka.codec import decode_alert, decode_command

__all__ = [
    "Message",
    "Source",
    "Summary",
    "UnreadableRecord",
    "alert_message",
    "command_message",
    "message_of_test",
    "summary_of",
]

#: Real ones have a few hundred bytes; what is longer is none of ours.
_LONGEST: Final = 64 * 1024
_LONGEST_SUBJECT: Final = 400


class Source(StrEnum):
    ALERT = "alert"
    COMMAND = "command"
    TEST = "test"


class UnreadableRecord(SpendgateError):
    """The record is no message; the text says why."""


class Message(NamedTuple):
    """What a channel is sent. `message_id` is made of the record's own id alone, so it is the same whenever the record
    is read."""

    message_id: str
    source: Source
    subject: str
    brand_id: str
    body: str
    alert_kind: AlertKind | None = None
    severity: Severity | None = None


class Summary(NamedTuple):
    brand_id: str
    title: str
    words: str


class _Body(msgspec.Struct, frozen=True):
    type: str
    data: msgspec.Raw


def alert_message(value: bytes | None) -> Message:
    """The message of an alert. Raises UnreadableRecord for bytes that are no alert."""
    text = _text(value)
    try:
        alert = decode_alert(text.encode())
        decided_at = format_moment(parse_moment(alert.decided_at))
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise UnreadableRecord(str(error)) from error
    _check(alert.brand_id, alert.alert_id)
    return Message(
        _message_id(Source.ALERT, f"{alert.alert_id}/{alert.state.value}"),
        Source.ALERT,
        alert.alert_id,
        alert.brand_id,
        _body(f"budget_alert.{alert.state.value}", decided_at, text),
        alert.kind,
        alert.severity,
    )


def command_message(value: bytes | None) -> Message | None:
    """The message of a command, None for a tombstone. Raises UnreadableRecord for bytes that are no command."""
    if value is None:
        return None
    text = _text(value)
    try:
        command = decode_command(text.encode())
        decided_at = format_moment(parse_moment(command.decided_at))
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise UnreadableRecord(str(error)) from error
    _check(command.brand_id, command.command_id)
    return Message(
        _message_id(Source.COMMAND, command.command_id),
        Source.COMMAND,
        command.command_id,
        command.brand_id,
        _body(f"campaign_control.{command.action.value}", decided_at, text),
    )


def message_of_test(channel: str, subject: str, at: Moment) -> Message:
    """The message that `channel test` sends; `subject` differs at every test."""
    data = msgspec.json.encode({"channel": channel, "test": subject}).decode()
    body = _body("channel.test", format_moment(at), data)
    return Message(_message_id(Source.TEST, f"{channel}/{subject}"), Source.TEST, subject, "", body)


def summary_of(body: str) -> Summary:
    """The words for people of a message's body."""
    found = msgspec.json.decode(body, type=_Body)
    data = bytes(found.data)
    if found.type.startswith("budget_alert."):
        alert = decode_alert(data)
        return Summary(alert.brand_id, _alert_title(alert), _alert_words(alert))
    if found.type.startswith("campaign_control."):
        command = decode_command(data)
        did = "paused" if command.action is Action.PAUSE else "runs again"
        return Summary(command.brand_id, f"campaign {did}", _command_words(command, did))
    return Summary("", "a test of this channel", "This is a test of the channel: nothing happened.")


def _text(value: bytes | None) -> str:
    if not value or len(value) > _LONGEST:
        raise UnreadableRecord("the value is empty" if not value else f"the value has {len(value)} bytes")
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise UnreadableRecord(str(error)) from error
    if "\0" in text:
        raise UnreadableRecord("a zero byte is no JSON")
    return text


def _check(brand_id: str, subject: str) -> None:
    if not valid_id(brand_id):
        raise UnreadableRecord("the brand's id has not the form of one")
    if not 0 < len(subject) <= _LONGEST_SUBJECT or not (subject.isascii() and subject.isprintable()):
        raise UnreadableRecord("its id has not the form of one")


def _message_id(source: Source, subject: str) -> str:
    """The id, without a full stop: a signature separates the id from what follows by one."""
    return f"msg_{hashlib.sha256(f'{source.value}/{subject}'.encode()).hexdigest()[:32]}"


def _body(kind: str, timestamp: str, data: str) -> str:
    """The JSON body in the form of Standard Webhooks; `data` is the record, unchanged."""
    return f'{{"type":"{kind}","timestamp":"{timestamp}","data":{data.strip()}}}'


def _alert_title(alert: BudgetAlert) -> str:
    if alert.state is AlertState.RESOLVED:
        return f"over: {_WHAT[alert.kind]}"
    return f"{alert.severity.value}: {_WHAT[alert.kind]}"


_WHAT: Final = {
    AlertKind.THRESHOLD: "budget nearly or wholly spent",
    AlertKind.SPEND_WHILE_PAUSED: "spend while paused",
    AlertKind.UNKNOWN_CAMPAIGN: "spend of an unknown campaign",
    AlertKind.SILENT: "no spend arrives",
}


def _alert_words(alert: BudgetAlert) -> str:
    about = f"brand {alert.brand_id}" if alert.campaign_id is None else f"{alert.campaign_id} (brand {alert.brand_id})"
    over = alert.state is AlertState.RESOLVED
    spent = f"{alert.spent} {alert.currency}"
    match alert.kind:
        case AlertKind.THRESHOLD:
            budget = (alert.budget or "budget").replace("_", " ")
            period = f" of {alert.period}" if alert.period else ""
            of = f"{alert.spent} of {alert.limit} {alert.currency}" if alert.limit else spent
            what = f"{'below' if over else 'reached'} {alert.percent} % of the {budget}{period}: {of}"
        case AlertKind.SPEND_WHILE_PAUSED:
            what = f"{'runs again after' if over else ''} {spent} spent while paused".strip()
        case AlertKind.UNKNOWN_CAMPAIGN:
            what = "is in the catalog now" if over else f"{spent} spent, and the catalog does not know it"
        case AlertKind.SILENT:
            what = "spend arrives again" if over else "no spend arrives, though campaigns may run"
    return f"{about}: {what}"


def _command_words(command: ControlCommand, did: str) -> str:
    why = f" ({', '.join(command.reasons)})" if command.reasons else ""
    until = f", may resume {command.resumes_at}" if command.resumes_at else ""
    return f"{command.campaign_id} (brand {command.brand_id}): {did}{why}{until}"
