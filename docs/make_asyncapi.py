"""Writes docs/asyncapi.yaml and docs/schemas: topics and messages that others may rely on, from the code's own types.

The types are those that the worker reads and writes; what JSON Schema can say beyond them (ids, money, moments, sets
of names) is added here from the same enums and limits, and checked against real messages in tests/docs.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import yaml

from core import records
from core.reasons import Reason
from core.refusal import RefusalReason
from core.trace_parent import TRACE_PARENT_HEADER
from schedulers.catalog_relay.topic import EDIT_HEADER
from streams.dead_letters.outbox import (
    ARRIVAL_HEADER,
    ERROR_HEADERS,
    REASON_HEADER,
    REPLAYED_HEADER,
    REROUTED_HEADER,
)
from streams.kafka.topics import Topic, topic_configs
from streams.kafka.truncation import DIGEST_HEADER, HEADERS_DROPPED_HEADER, KEY_LENGTH_HEADER, LENGTH_HEADER
from streams.settings import Settings

__all__ = ["ASYNCAPI_FILE", "SCHEMAS_FOLDER", "render", "render_schemas"]

#: The published file.
ASYNCAPI_FILE: Final = Path(__file__).with_name("asyncapi.yaml")
#: A JSON Schema of each message by itself, for whoever generates code of one.
SCHEMAS_FOLDER: Final = Path(__file__).with_name("schemas")

Schema = dict[str, Any]

_MESSAGES: Final[dict[Topic, list[type[msgspec.Struct]]]] = {
    Topic.SPEND_EVENTS: [records.SpendEvent],
    Topic.CAMPAIGN_CONTROL: [records.ControlCommand],
    Topic.BUDGET_ALERTS: [records.BudgetAlert],
    Topic.CONTROL_HEARTBEAT: [records.ControlHeartbeat],
    Topic.CONTROL_ACKS: [records.ControlAck],
    Topic.CATALOG: [records.BrandDocument, records.CampaignDocument],
    Topic.SPEND_SNAPSHOTS: [records.SpendSnapshot],
    Topic.SPEND_CORRECTIONS: [records.SpendCorrection],
    Topic.DAYPARTING_TICKS: [records.DaypartingTick],
    Topic.BUDGET_RESETS: [records.BudgetReset],
    Topic.DEAD_LETTERS: [],  # whatever came in
}

_ABOUT: Final = {
    Topic.SPEND_EVENTS: "Money gone. Anyone may produce; the worker decides on it and the ledger keeps it.",
    Topic.CAMPAIGN_CONTROL: "Pauses and resumes. Read it with isolation.level=read_committed; apply only a higher "
    "(epoch, sequence). Compacted: the last command of every campaign stays.",
    Topic.BUDGET_ALERTS: "Thresholds of budgets, spend while paused, unknown campaigns and silence. Read it with "
    "isolation.level=read_committed: each alert_id is raised once and, if it ever is, resolved once.",
    Topic.CONTROL_HEARTBEAT: "Each partition, at least once a second while a worker owns it. Every command of records "
    "that arrived before decided_up_to is published. Silence of 5 s: nobody decides on the brands of the partition.",
    Topic.CONTROL_ACKS: "What consumers say became of commands, if they like. The ledger keeps it beside the command.",
    Topic.CATALOG: "Brands and campaigns, one document each, the brand's first.",
    Topic.SPEND_SNAPSHOTS: "What a platform has counted so far of a campaign and day. Of one (campaign, source, day) "
    "the highest as_of counts; the worker makes spend events of the differences.",
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
    Topic.BUDGET_ALERTS: "brand_id",
    Topic.CONTROL_HEARTBEAT: "the partition number as text, in the partition of that number",
    Topic.CONTROL_ACKS: "campaign_id",
    Topic.CATALOG: "brand_id, or brand_id/campaign_id; always in the partition of brand_id",
    Topic.SPEND_SNAPSHOTS: "brand_id",
    Topic.SPEND_CORRECTIONS: "brand_id",
    Topic.DEAD_LETTERS: "as the original",
}

#: Who reads and who writes, seen from Spendgate.
_OUTPUTS: Final = (Topic.CAMPAIGN_CONTROL, Topic.BUDGET_ALERTS, Topic.CONTROL_HEARTBEAT, Topic.DEAD_LETTERS)
_RECEIVED: Final = [topic for topic in _MESSAGES if topic not in _OUTPUTS]
_SENT: Final = [topic for topic in _MESSAGES if topic not in (Topic.SPEND_SNAPSHOTS, Topic.CONTROL_ACKS)]

#: Goes before the name of a type, where another type has it.
_COMPONENT: Final = "#/components/schemas/"
_ID: Final = {"type": "string", "pattern": r"^[A-Za-z0-9._:-]{1,64}$"}
_AMOUNT: Final = {"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$", "examples": ["0.0125"]}
_BUDGET: Final = {"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,6})?$", "examples": ["100.00"]}
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
    *(f"{ERROR_HEADERS}{name}" for name in ("exception", "message", "topic", "partition", "offset")),
    REASON_HEADER,
]
_DIGITS: Final = "^[0-9]+$"
_TRACE_PARENT: Final[Schema] = {
    "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
    "description": "W3C Trace Context: a command bears that of the spend which caused it.",
}
#: Headers that a message bears only where there is something to say.
_OPTIONAL_HEADERS: Final[dict[Topic, dict[str, Schema]]] = {
    Topic.SPEND_EVENTS: {
        REROUTED_HEADER: {
            "pattern": "^[^/]+/[0-9]+/[0-9]+$",
            "description": "topic/partition/offset of the misplaced original that this is the copy of.",
        },
        ARRIVAL_HEADER: {"description": "The original's arrival, RFC 3339 in UTC."},
        REPLAYED_HEADER: {
            "pattern": "^[0-9]+(/[0-9]+)?$",
            "description": "Published again: the number of the `replay`, or partition/offset of the dead letter.",
        },
        TRACE_PARENT_HEADER: _TRACE_PARENT,
    },
    Topic.CAMPAIGN_CONTROL: {TRACE_PARENT_HEADER: _TRACE_PARENT},
    Topic.CATALOG: {
        EDIT_HEADER: {
            "pattern": "^[0-9]+/[0-9]+$",
            "description": "The edit that made it: its row of the outbox, its moment in milliseconds since 1970.",
        },
    },
    Topic.DEAD_LETTERS: {
        ARRIVAL_HEADER: {"description": "The original's arrival, RFC 3339 in UTC."},
        LENGTH_HEADER: {"pattern": _DIGITS, "description": "The value was cut: bytes of the whole value."},
        DIGEST_HEADER: {"pattern": "^[0-9a-f]{64}$", "description": "The value was cut: SHA-256 of the whole value."},
        KEY_LENGTH_HEADER: {"pattern": _DIGITS, "description": "The key was cut: bytes of the whole key."},
        HEADERS_DROPPED_HEADER: {"pattern": _DIGITS, "description": "How many headers of the original are missing."},
    },
}

#: What a field's name means, in whatever message it stands.
_MEANINGS: Final[dict[str, Schema]] = {
    **dict.fromkeys(("brand_id", "campaign_id", "source"), _ID),
    **dict.fromkeys(("amount", "daily_spent", "monthly_spent", "total_spent", "spent"), _AMOUNT),
    **dict.fromkeys(("daily_budget", "monthly_budget", "total_budget", "daily_allowance", "limit"), _BUDGET),
    **dict.fromkeys(
        (
            "occurred_at",
            "as_of",
            "decided_at",
            "resumes_at",
            "pauses_at",
            "due_at",
            "decided_up_to",
            "written_at",
            "applied_at",
        ),
        _MOMENT,
    ),
    **dict.fromkeys(("booked_on", "starts_on", "ends_on", "day"), _DATE),
    "period": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$"},
    "month": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
    "currency": _CURRENCY,
    "reasons": {"type": "array", "uniqueItems": True, "items": {"$ref": f"{_COMPONENT}Reason"}},
    **dict.fromkeys(("sequence", "epoch", "version"), _COUNTED),
    **dict.fromkeys(("partition", "offset"), _POSITION),
    **dict.fromkeys(("correction_id", "tick_id", "reset_id", "alert_id", "worker"), _NAME),
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
    return "# Made by `python -m docs.make_asyncapi`; change the types in core/records.py instead.\n" + text


def render_schemas() -> dict[str, str]:
    """The files of docs/schemas by their names: each message with all the types that it has, and nothing else."""
    components = _schemas()
    return {f"{name}.json": _standalone(name, components) for name in _names_of_all()}


def _names_of_all() -> list[str]:
    return [kind.__name__ for kinds in _MESSAGES.values() for kind in kinds]


def _standalone(name: str, components: Schema) -> str:
    within = dict(sorted((it, components[it]) for it in _types_of(name, components) - {name}))
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{name}.json",
        **components[name],
        **({"$defs": within} if within else {}),
    }
    text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return text.replace(f'"{_COMPONENT}', '"#/$defs/')


def _types_of(name: str, components: Schema) -> set[str]:
    """The named type and all that are in it."""
    found, waiting = set[str](), [name]
    while waiting:
        found.add(it := waiting.pop())
        waiting += set(_references(components[it])) - found
    return found


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, list):
        for it in schema:
            yield from _references(it)
    elif isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix(_COMPONENT)
        for it in schema.values():
            yield from _references(it)


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
    configs = topic_configs(topic, Settings(environment={}))
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
        kind.__name__: {
            **_message(topic, {"$ref": f"{_COMPONENT}{kind.__name__}"}),
            "x-json-schema": f"{SCHEMAS_FOLDER.name}/{kind.__name__}.json",
        }
        for topic, kinds in _MESSAGES.items()
        for kind in kinds
    }
    messages["DeadLetter"] = _message(Topic.DEAD_LETTERS, {})
    return messages


def _message(topic: Topic, payload: Schema) -> Schema:
    message: Schema = {"payload": payload} if payload else {"contentType": "application/octet-stream"}
    if topic in _OPTIONAL_HEADERS:
        message = {"headers": _headers(topic), **message}
    if topic in _KEYS:
        message["bindings"] = {"kafka": {"key": {"type": "string", "description": _KEYS[topic]}}}
    return message


def _message_names(topic: Topic) -> list[str]:
    return [kind.__name__ for kind in _MESSAGES[topic]] or ["DeadLetter"]


def _headers(topic: Topic) -> Schema:
    required = _DEAD_LETTER_HEADERS if topic is Topic.DEAD_LETTERS else []
    properties: Schema = {name: {"type": "string"} for name in required}
    properties |= {name: {"type": "string", **about} for name, about in _OPTIONAL_HEADERS[topic].items()}
    if REASON_HEADER in required:
        properties[REASON_HEADER]["enum"] = [reason.value for reason in RefusalReason]
    return {"type": "object", **({"required": required} if required else {}), "properties": properties}


def _schemas() -> Schema:
    kinds = [kind for kinds in _MESSAGES.values() for kind in kinds]
    described = [_spend_event() if kind is records.SpendEvent else kind for kind in kinds]
    _, schemas = msgspec.json.schema_components(described, ref_template=_COMPONENT + "{name}")
    for schema in schemas.values():
        for name, field in schema.get("properties", {}).items():
            schema["properties"][name] = _typed(_with_meaning(name, field))
    event = schemas["SpendEvent"]["properties"]
    event["event_id"] = {**_NAME, "maxLength": 128}
    cost = {**_BUDGET, "examples": ["12.34"]}
    schemas["SpendSnapshot"]["properties"]["cost"] = {
        "anyOf": [cost, {"type": "number", "minimum": 0, "exclusiveMaximum": 10**12}]
    }
    event["amount"] = {
        "anyOf": [_AMOUNT, {"type": "number", "exclusiveMinimum": -(10**12), "exclusiveMaximum": 10**12}]
    }
    schemas["Reason"] = {"title": "Reason", "type": "string", "enum": _REASONS}
    return {name: _typed(schema) for name, schema in sorted(schemas.items())}


def _typed(schema: Schema) -> Schema:
    """All our sets of names are strings; generators of code need it stated."""
    return {**schema, "type": "string"} if "enum" in schema else schema


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


def _write_schemas() -> None:
    rendered = render_schemas()
    SCHEMAS_FOLDER.mkdir(exist_ok=True)
    for stale in {path.name for path in SCHEMAS_FOLDER.iterdir()} - set(rendered):
        (SCHEMAS_FOLDER / stale).unlink()
    for name, text in rendered.items():
        (SCHEMAS_FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    ASYNCAPI_FILE.write_text(render(), encoding="utf-8")
    _write_schemas()
    sys.stdout.write(f"{ASYNCAPI_FILE.name} and {SCHEMAS_FOLDER.name}/ written\n")
