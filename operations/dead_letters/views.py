"""Dead letters as JSON."""

import base64

from core.moment import format_moment
from operations.catalog_views import Json
from operations.dead_letters.handling import HandlingOutcome
from operations.dead_letters.search import WAITING, DeadLetterEntry

__all__ = ["details", "outcome_view", "summary"]


def summary(entry: DeadLetterEntry) -> dict[str, Json]:
    """A dead letter as JSON, without headers and value."""
    dead_letter = entry.dead_letter
    origin = (dead_letter.original_topic, dead_letter.original_partition, dead_letter.original_offset)
    return {
        "id": entry.dead_letter_id,
        "at": format_moment(dead_letter.refused_at),
        "reason": dead_letter.reason,
        "message": dead_letter.message,
        "original": "/".join("?" if part is None else str(part) for part in origin),
        "original_topic": dead_letter.original_topic,
        "original_partition": dead_letter.original_partition,
        "original_offset": dead_letter.original_offset,
        "original_arrived_at": format_moment(dead_letter.arrived_at),
        "key": _text(dead_letter.key),
        "brand_id": dead_letter.brand_id,
        "event_id": dead_letter.event_id,
        "size": entry.size,
        **_handling_view(entry),
    }


def details(entry: DeadLetterEntry) -> dict[str, Json]:
    """A dead letter as JSON. `value` is null where it is not UTF-8; `value_base64` has the exact bytes, null for no
    value."""
    dead_letter = entry.dead_letter
    return {
        **summary(entry),
        "headers": [
            {"name": name, "value": _text(header)} for name, header in (*dead_letter.headers, *dead_letter.added)
        ],
        "value": _exact_text(dead_letter.value),
        "value_base64": None if dead_letter.value is None else base64.b64encode(dead_letter.value).decode(),
    }


def outcome_view(outcome: HandlingOutcome, dry_run: bool) -> dict[str, Json]:
    """The result of replaying or dropping a dead letter, as JSON."""
    dead_letter, copy = outcome.entry.dead_letter, outcome.copy
    return {
        "id": outcome.entry.dead_letter_id,
        "result": outcome.result.value,
        "dry_run": dry_run,
        "why": outcome.why or None,
        "reason": dead_letter.reason,
        "brand_id": dead_letter.brand_id,
        "event_id": dead_letter.event_id,
        "copy": None if copy is None else copy._asdict(),
    }


def _handling_view(entry: DeadLetterEntry) -> dict[str, Json]:
    action = entry.action
    if action is None:
        return {"standing": WAITING, "since": format_moment(entry.dead_letter.refused_at), "by": None, "because": None}
    return {
        "standing": action.action,
        "since": format_moment(action.acted_at),
        "by": action.actor,
        "because": action.because or None,
    }


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode(errors="backslashreplace")


def _exact_text(data: bytes | None) -> str | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None
