"""Writes docs/asyncapi.yaml: the topics and messages that others may rely on, from the code's own types.

The types are those that the worker reads and writes; what JSON Schema can say beyond them (ids, money, moments, sets
of names) is added here from the same enums and limits, and checked against real messages in tests/docs.
"""

import sys
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import yaml

from streams.core import records
from streams.core.reasons import Reason
from streams.core.refusal import RefusalReason
from streams.settings import Settings
from streams.topics import Topic, topic_configs

__all__ = ["ASYNCAPI_FILE", "render"]

#: The published file.
ASYNCAPI_FILE: Final = Path(__file__).with_name("asyncapi.yaml")

Schema = dict[str, Any]

_MESSAGES: Final[dict[Topic, list[type[msgspec.Struct]]]] = {
    Topic.SPEND_EVENTS: [records.SpendEvent],
    Topic.CAMPAIGN_CONTROL: [records.ControlCommand],
    Topic.CATALOG: [records.BrandDocument, records.CampaignDocument],
    Topic.SPEND_CORRECTIONS: [records.SpendCorrection],
    Topic.DAYPARTING_TICKS: [records.DaypartingTick],
    Topic.BUDGET_RESETS: [records.BudgetReset],
    Topic.DEAD_LETTERS: [],  # whatever came in
}

_ABOUT: Final = {
    Topic.SPEND_EVENTS: "Money gone. Anyone may produce; the worker decides on it and the ledger keeps it.",
    Topic.CAMPAIGN_CONTROL: "Pauses and resumes. Read it with isolation.level=read_committed; apply only a higher "
    "(epoch, sequence). Compacted: the last command of every campaign stays.",
    Topic.CATALOG: "Brands and campaigns, one document each, the brand's first.",
    Topic.SPEND_CORRECTIONS: "Changes of the controller's totals, never of the ledger's rows. "
    "The ledger journals them.",
    Topic.DAYPARTING_TICKS: "Moments that wake decisions; they decide nothing. One to each partition.",
    Topic.BUDGET_RESETS: "Begins of days and months of a time zone; they roll over, they do not set zero. "
    "One to each partition.",
    Topic.DEAD_LETTERS: "Refused records, key, value and headers byte for byte, with the reason in headers.",
}

_KEYS: Final = {
    Topic.SPEND_EVENTS: "brand_id",
    Topic.CAMPAIGN_CONTROL: "campaign_id",
    Topic.CATALOG: "brand_id, or brand_id/campaign_id; always in the partition of brand_id",
    Topic.SPEND_CORRECTIONS: "brand_id",
    Topic.DEAD_LETTERS: "as the original",
}

#: Who reads and who writes, seen from Spendgate.
_RECEIVED: Final = [topic for topic in _MESSAGES if topic not in (Topic.CAMPAIGN_CONTROL, Topic.DEAD_LETTERS)]
_SENT: Final = [topic for topic in _MESSAGES if topic is not Topic.SPEND_EVENTS]

_ID: Final = {"type": "string", "pattern": r"^[A-Za-z0-9._:-]{1,64}$"}
_AMOUNT: Final = {"type": "string", "pattern": r"^-?[0-9]{1,10}(\.[0-9]{1,6})?$", "examples": ["0.0125"]}
_BUDGET: Final = {"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,6})?$", "examples": ["100.00"]}
_MOMENT: Final = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
    "examples": ["2025-09-08T09:00:00.125Z"],
}
_DATE: Final = {"type": "string", "format": "date"}
_CURRENCY: Final = {"type": "string", "pattern": "^[A-Z]{3}$"}
_COUNTED: Final = {"type": "integer", "minimum": 1}
_POSITION: Final = {"type": "integer", "minimum": 0}
_NAME: Final = {"type": "string", "minLength": 1}
_REASONS: Final = [reason.name.lower() for reason in Reason if reason.name]
_DEAD_LETTER_HEADERS: Final = [
    *(f"__streams.errors.{name}" for name in ("exception", "message", "topic", "partition", "offset")),
    "spendgate-reason",
]

#: What a field's name means, in whatever message it stands.
_MEANINGS: Final[dict[str, Schema]] = {
    **dict.fromkeys(("brand_id", "campaign_id"), _ID),
    **dict.fromkeys(("amount", "daily_spent", "monthly_spent", "total_spent"), _AMOUNT),
    **dict.fromkeys(("daily_budget", "monthly_budget", "total_budget"), _BUDGET),
    **dict.fromkeys(("occurred_at", "decided_at", "resumes_at", "pauses_at", "due_at"), _MOMENT),
    **dict.fromkeys(("booked_on", "starts_on", "ends_on", "day"), _DATE),
    "month": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
    "currency": _CURRENCY,
    "reasons": {"type": "array", "uniqueItems": True, "items": {"type": "string", "enum": _REASONS}},
    **dict.fromkeys(("sequence", "epoch", "version"), _COUNTED),
    **dict.fromkeys(("partition", "offset"), _POSITION),
    **dict.fromkeys(("correction_id", "tick_id", "reset_id"), _NAME),
}


def render() -> str:
    """The text of docs/asyncapi.yaml."""
    document = {
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": "application/json",
        "channels": {topic.value: _channel(topic) for topic in _MESSAGES},
        "operations": _operations(),
        "components": {"messages": _messages(), "schemas": _schemas()},
    }
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return "# Made by `python -m docs.make_asyncapi`; change the types in streams/core/records.py instead.\n" + text


class _Dumper(yaml.SafeDumper):
    """Writes a shared part out wherever it stands: anchors are hard to read and some tools refuse them."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _info() -> Schema:
    return {
        "title": "Spendgate topics",
        "version": "1",
        "description": "SPENDGATE_TOPIC_PREFIX goes before every name. All topics have the same number of partitions; "
        "keys are raw UTF-8 and partitions follow Java's default, (murmur2(key) & 0x7fffffff) % partitions. "
        "Money is a decimal string with at most 6 fraction digits. The topic controller-state is internal.",
        "license": {"name": "Apache-2.0"},
    }


def _channel(topic: Topic) -> Schema:
    configs = topic_configs(topic, Settings.model_construct())
    binding = {
        "cleanup.policy": [configs["cleanup.policy"]],
        **({"retention.ms": int(configs["retention.ms"])} if "retention.ms" in configs else {}),
    }
    return {
        "address": topic.value,
        "description": _ABOUT[topic],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _message_names(topic)},
        "bindings": {"kafka": {"topic": topic.value, "topicConfiguration": binding}},
    }


def _operations() -> Schema:
    received = {f"receive-{topic.value}": _operation("receive", topic) for topic in _RECEIVED}
    return received | {f"send-{topic.value}": _operation("send", topic) for topic in _SENT}


def _operation(action: str, topic: Topic) -> Schema:
    return {"action": action, "channel": {"$ref": f"#/channels/{topic.value}"}}


def _messages() -> Schema:
    messages = {
        kind.__name__: _message(topic, {"$ref": f"#/components/schemas/{kind.__name__}"})
        for topic, kinds in _MESSAGES.items()
        for kind in kinds
    }
    messages["DeadLetter"] = {"headers": _dead_letter_headers(), **_message(Topic.DEAD_LETTERS, {})}
    return messages


def _message(topic: Topic, payload: Schema) -> Schema:
    message: Schema = {"payload": payload} if payload else {"contentType": "application/octet-stream"}
    if topic in _KEYS:
        message["bindings"] = {"kafka": {"key": {"type": "string", "description": _KEYS[topic]}}}
    return message


def _message_names(topic: Topic) -> list[str]:
    return [kind.__name__ for kind in _MESSAGES[topic]] or ["DeadLetter"]


def _dead_letter_headers() -> Schema:
    properties: Schema = {name: {"type": "string"} for name in _DEAD_LETTER_HEADERS}
    properties["spendgate-reason"]["enum"] = [reason.value for reason in RefusalReason]
    properties["spendgate-arrival"] = {"type": "string", "description": "The original's arrival."}
    return {"type": "object", "required": _DEAD_LETTER_HEADERS, "properties": properties}


def _schemas() -> Schema:
    kinds = [kind for kinds in _MESSAGES.values() for kind in kinds]
    described = [_spend_event() if kind is records.SpendEvent else kind for kind in kinds]
    _, schemas = msgspec.json.schema_components(described, ref_template="#/components/schemas/{name}")
    for schema in schemas.values():
        for name, field in schema.get("properties", {}).items():
            schema["properties"][name] = _with_meaning(name, field)
    event = schemas["SpendEvent"]["properties"]
    event["event_id"] = {**_NAME, "maxLength": 128}
    event["amount"] = {"anyOf": [_AMOUNT, {"type": "number", "minimum": -1_000_000_000, "maximum": 1_000_000_000}]}
    return dict(sorted(schemas.items()))


def _spend_event() -> type[msgspec.Struct]:
    """SpendEvent with its attributes as the object that they are: msgspec describes no raw bytes."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(records.SpendEvent):
        if field.name == "attributes":
            fields.append((field.name, dict[str, Any] | None, None))
        elif field.required:
            fields.append((field.name, field.type))
        else:
            fields.append((field.name, field.type, field.default))
    return msgspec.defstruct("SpendEvent", fields, namespace={"__doc__": records.SpendEvent.__doc__})


def _with_meaning(name: str, field: Schema) -> Schema:
    """The meaning of the name, with the null and the default that the type allows besides."""
    meaning = _MEANINGS.get(name)
    if meaning is None:
        return field
    nullable = {"type": "null"} in cast(list[Schema], field.get("anyOf", []))
    default = {"default": field["default"]} if "default" in field else {}
    return {"anyOf": [meaning, {"type": "null"}], **default} if nullable else {**meaning, **default}


if __name__ == "__main__":
    ASYNCAPI_FILE.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"{ASYNCAPI_FILE.name} written\n")
