"""What campaign-control, control-heartbeat and control-acks carry, read strictly. Unknown fields are ignored."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NoReturn

__all__ = [
    "Action",
    "Command",
    "Heartbeat",
    "Outcome",
    "UnreadableRecordError",
    "acknowledgement",
    "is_id",
    "parse_command",
    "parse_heartbeat",
    "show_moment",
]

SCHEMA: Final = 1
#: Every language counts exactly up to here, also those whose only number is the double.
LARGEST_INTEGER: Final = (1 << 53) - 1
#: Kafka's own.
LARGEST_PARTITION: Final = (1 << 31) - 1

_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_MOMENT: Final = re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{3})?Z")

Fields = dict[str, Any]


class UnreadableRecordError(ValueError):
    """Not what docs/contract.md, "Topics", describes. The message names the field; the next record is read."""


class Action(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"


class Outcome(StrEnum):
    APPLIED = "applied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Command:
    """A command of campaign-control: what a consumer needs of it. Moments are in UTC."""

    command_id: str
    action: Action
    campaign_id: str
    #: The id of the campaign on its platform, where the catalog has one.
    external_id: str | None
    brand_id: str
    epoch: int
    sequence: int
    #: Why it is paused, sorted; empty for a resume. New reasons may come: show them as they are.
    reasons: tuple[str, ...]
    decided_at: datetime
    #: For people. Machines wait for the command.
    resumes_at: datetime | None
    #: The partition whose worker decides on the brand, as control-heartbeat counts them.
    brand_partition: int

    @property
    def may_run(self) -> bool:
        return self.action is Action.RESUME

    @property
    def order(self) -> tuple[int, int]:
        """Only a higher one is applied."""
        return self.epoch, self.sequence


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A worker decides on this partition. Commands of all that arrived before `decided_up_to` are on campaign-control
    below `control_offsets`, by partition of that topic; a worker of an older release says none."""

    partition: int
    decided_up_to: datetime
    control_offsets: tuple[int, ...]


def parse_command(key: bytes | None, value: bytes) -> Command:
    """Raises UnreadableRecordError."""
    fields = _fields(value)
    if fields.get("schema") != SCHEMA or isinstance(fields["schema"], bool):
        raise UnreadableRecordError(f"schema is not {SCHEMA}: this library is too old for it")
    command = Command(
        command_id=_text(fields, "command_id"),
        action=_action(fields),
        campaign_id=_id(fields, "campaign_id"),
        external_id=None if fields.get("external_id") is None else _text(fields, "external_id"),
        brand_id=_id(fields, "brand_id"),
        epoch=_integer(fields, "epoch", 1),
        sequence=_integer(fields, "sequence", 1),
        reasons=_reasons(fields),
        decided_at=_moment(fields, "decided_at"),
        resumes_at=None if fields.get("resumes_at") is None else _moment(fields, "resumes_at"),
        brand_partition=_partition(_object(fields, "cause")),
    )
    if command.command_id != f"{command.campaign_id}:{command.epoch}:{command.sequence}":
        raise UnreadableRecordError("command_id is not campaign_id:epoch:sequence")
    if key != command.campaign_id.encode():
        raise UnreadableRecordError("the record's key is not its campaign_id")
    if command.may_run == bool(command.reasons):
        raise UnreadableRecordError("reasons do not fit the action: a pause has some, a resume none")
    return command


def parse_heartbeat(value: bytes) -> Heartbeat:
    """Raises UnreadableRecordError."""
    fields = _fields(value)
    return Heartbeat(_partition(fields), _moment(fields, "decided_up_to"), _offsets(fields, "control_offsets"))


def acknowledgement(
    command: Command,
    consumer: str,
    applied_at: datetime,
    outcome: Outcome = Outcome.APPLIED,
    detail: str | None = None,
) -> tuple[bytes, bytes]:
    """Key and value of a record of control-acks. `detail` says, for people, why it failed."""
    value = {
        "command_id": command.command_id,
        "campaign_id": command.campaign_id,
        "applied_at": show_moment(applied_at),
        "consumer": consumer,
        "outcome": outcome.value,
        "detail": detail,
    }
    return command.campaign_id.encode(), json.dumps(value, separators=(",", ":")).encode()


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def show_moment(moment: datetime) -> str:
    """RFC 3339 in UTC with three fraction digits, or none on a whole second."""
    shown = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return shown.removesuffix(".000") + "Z"


def _fields(value: bytes) -> Fields:
    try:
        fields = json.loads(value.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UnreadableRecordError("not JSON in UTF-8") from error
    if not isinstance(fields, dict):
        raise UnreadableRecordError("not a JSON object")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise UnreadableRecordError(f"{name} is not JSON")


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise UnreadableRecordError(f"{name} is not a string")
    return value


def _id(fields: Fields, name: str) -> str:
    value = _text(fields, name)
    if not is_id(value):
        raise UnreadableRecordError(f"{name} is not an id")
    return value


def _partition(fields: Fields) -> int:
    return _integer(fields, "partition", 0, LARGEST_PARTITION)


def _offsets(fields: Fields, name: str) -> tuple[int, ...]:
    values = fields.get(name)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise UnreadableRecordError(f"{name} is not a list of integers")
    return tuple(_integer({name: value}, name, 0) for value in values)


def _integer(fields: Fields, name: str, least: int, most: int = LARGEST_INTEGER) -> int:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise UnreadableRecordError(f"{name} is not an integer from {least} to {most}")
    if value != int(value):
        raise UnreadableRecordError(f"{name} is not an integer")
    return int(value)


def _object(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    if not isinstance(value, dict):
        raise UnreadableRecordError(f"{name} is not an object")
    return value


def _action(fields: Fields) -> Action:
    try:
        return Action(_text(fields, "action"))
    except ValueError as error:
        raise UnreadableRecordError("action is neither pause nor resume") from error


def _reasons(fields: Fields) -> tuple[str, ...]:
    value = fields.get("reasons")
    if not isinstance(value, list) or not all(isinstance(reason, str) for reason in value):
        raise UnreadableRecordError("reasons is not a list of strings")
    return tuple(value)


def _moment(fields: Fields, name: str) -> datetime:
    value = _text(fields, name)
    try:
        if _MOMENT.fullmatch(value):
            return datetime.fromisoformat(value)
    except ValueError:
        pass
    raise UnreadableRecordError(f"{name} is not a moment such as 2025-09-08T09:00:00.125Z")
