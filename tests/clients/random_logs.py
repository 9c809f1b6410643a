"""Logs drawn from a seed: worse than anybody would write by hand. They have no answers: the libraries must agree."""

import base64
import json
import random
from typing import Any

from tests.clients.topics import command

__all__ = ["random_log"]

CAMPAIGNS = ("nike-summer", "nike-nights", "a")
STEPS = 12
RECORDS = 8
MOMENTS = [
    "2025-09-08T11:12:00Z",
    "2024-02-29T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "2025-04-31T00:00:00.000Z",
    "2025-13-01T00:00:00Z",
    "2025-00-10T00:00:00Z",
    "2025-01-00T00:00:00Z",
    "0999-01-01T00:00:00Z",
    "2025-09-08T24:00:00Z",
    "2025-09-08T23:59:60Z",
    "2025-09-08T11:12:00.12Z",
    "2025-09-08T11:12:00+00:00",
    "2025-09-08t11:12:00z",
]
TEXTS = ("", "1", "pause", "resume", "nike\n", "nike summer", "näike", "x" * 64, "x" * 65, "\u0000", "\U0001f4b6")
NUMBERS = (0, 1, 2, -1, 1.5, 2.0, 1e15, 2**53, 2**53 + 1, 2**63)
OTHERS = (None, True, False, [], ["x"], [None], [[]], {}, {"partition": 1}, {"partition": 2**31}, {"partition": None})
VALUES: tuple[Any, ...] = (*MOMENTS, *TEXTS, *NUMBERS, *OTHERS)


def random_log(seed: int) -> dict[str, Any]:
    """A log as in clients/conformance, whose steps expect an answer about each campaign but do not say which."""
    draw = random.Random(seed)
    offsets = {0: 0, 1: 0}
    now, steps = 0.0, []
    for number in range(STEPS):
        now += draw.choice((0.25, 1, 5, 5.25, 30))
        ends = {str(partition): draw.randint(0, offset + 12) for partition, offset in offsets.items()}
        told = {"ends": ends} if number == 1 or draw.random() < 0.2 else {}
        steps.append(
            {
                "now": now,
                "moment": "2025-09-08T12:00:00Z",
                **told,
                "log": [_entry(draw, offsets) for _ in range(draw.randint(0, RECORDS))],
                "expect": {
                    "decided_up_to": dict.fromkeys(("0", "1")),
                    "campaigns": dict.fromkeys((*CAMPAIGNS, "nobody")),
                },
            }
        )
    return {
        "policy": draw.choice(("open", "closed")),
        "heartbeats": draw.random() < 0.8,
        "consumer": "adserver-eu",
        "steps": steps,
    }


def _entry(draw: random.Random, offsets: dict[int, int]) -> dict[str, Any]:
    if draw.random() < 0.25:
        heartbeat = {
            "partition": draw.randint(0, 1),
            "decided_up_to": f"2025-09-08T11:12:{draw.randint(10, 59)}.250Z",
            "control_offsets": [draw.randint(0, offset + 3) for offset in offsets.values()],
        }
        return _bytes(draw, "heartbeat", _bent(draw, heartbeat))
    partition = draw.randint(0, 1)
    offset = offsets[partition]
    offsets[partition] += 1
    place = {"partition": partition, "offset": offset}
    if draw.random() < 0.1:
        return {**place, "marker": draw.choice(("commit", "abort"))}
    campaign_id, reasons = draw.choice(CAMPAIGNS), draw.choice(((), ("manual",), ("daily_budget", "schedule")))
    value = command(campaign_id, draw.randint(1, 6), *reasons, cause={"partition": draw.randint(0, 1)})
    if draw.random() < 0.3:
        value |= {"epoch": 2, "command_id": value["command_id"].replace(":1:", ":2:")}
    aborted = {"aborted": True} if draw.random() < 0.1 else {}
    key = campaign_id if draw.random() < 0.95 else draw.choice((None, "", "nobody", "no id!"))
    return {**place, "key": key, **aborted, **_bytes(draw, "value", _bent(draw, value))}


def _bent(draw: random.Random, value: dict[str, Any]) -> dict[str, Any] | None:
    """Mostly as it is; else a tombstone, or with one field changed or left out."""
    if draw.random() < 0.7:
        return value
    if draw.random() < 0.1:
        return None
    name = draw.choice(sorted(value))
    if draw.random() < 0.2:
        return {key: it for key, it in value.items() if key != name}
    return {**value, name: draw.choice(VALUES)}


def _bytes(draw: random.Random, name: str, value: dict[str, Any] | None) -> dict[str, Any]:
    """Mostly as JSON; else as bytes of which one was changed, added or lost."""
    if value is None or draw.random() < 0.8:
        return {name: value}
    text = json.dumps(value).encode()
    place = draw.randrange(len(text))
    changed = draw.choice((bytes([draw.randrange(256)]), b"", b'"', b"\\", b"00", b"NaN", b"1e9", "💶".encode()))
    return {"base64": base64.b64encode(text[:place] + changed + text[place + draw.randint(0, 1) :]).decode()}
