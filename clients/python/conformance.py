"""Plays the logs of clients/conformance through the library: prints, as JSON, what each step of each log comes to."""

import base64
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from spendgate_control import (
    Change,
    ControlState,
    Outcome,
    Policy,
    Verdict,
    acknowledgement,
    show_moment,
)

Json = dict[str, Any]


def main() -> None:
    print(json.dumps({Path(name).stem: play(json.loads(Path(name).read_bytes())) for name in sys.argv[1:]}))


def play(log: Json) -> list[Json]:
    state = ControlState(Policy(log["policy"]), heartbeats=log["heartbeats"])
    return [observe(state, step, changes(state, step), log["consumer"]) for step in log["steps"]]


def changes(state: ControlState, step: Json) -> list[Change]:
    if "ends" in step:
        state.tell_ends({int(partition): end for partition, end in step["ends"].items()}, step["now"])
    made = [read(state, entry, step["now"]) for entry in step["log"]]
    return [change for change in made if change is not None and not change.is_history]


def read(state: ControlState, entry: Json, now: float) -> Change | None:
    """An aborted record is not delivered to a read_committed reader; of a marker it has the position alone."""
    if "partition" not in entry:
        state.read_heartbeat(data(entry, "heartbeat"), now)
    elif "marker" in entry:
        state.move_to(entry["partition"], entry["offset"] + 1)
    elif not entry.get("aborted"):
        return state.read_command(entry["partition"], entry["offset"], key(entry), data(entry, "value"))
    return None


def key(entry: Json) -> bytes | None:
    if "key_base64" in entry:
        return base64.b64decode(entry["key_base64"])
    name = entry["key"]
    return None if name is None else str(name).encode()


def data(entry: Json, name: str) -> bytes | None:
    """JSON as the log has it, or the bytes of its `text` or `base64`; null is a tombstone."""
    if "base64" in entry:
        return base64.b64decode(entry["base64"])
    if "text" in entry:
        return str(entry["text"]).encode()
    return None if entry[name] is None else json.dumps(entry[name]).encode()


def observe(state: ControlState, step: Json, made: list[Change], consumer: str) -> Json:
    now, expected = step["now"], step["expect"]
    return {
        "caught_up": state.caught_up,
        "wants_ends": state.wants_ends,
        "unreadable_records": state.unreadable_records,
        "silent": [number for number in expected["decided_up_to"] if state.is_silent(int(number), now)],
        "decided_up_to": {number: moment(state.decided_up_to(int(number))) for number in expected["decided_up_to"]},
        "acks": [ack(change, step, consumer) for change in made],
        "campaigns": {name: show(state.may_run(name, now)) for name in expected["campaigns"]},
    }


def ack(change: Change, step: Json, consumer: str) -> Json:
    detail = step.get("fails", {}).get(change.command.command_id)
    outcome = Outcome.APPLIED if detail is None else Outcome.FAILED
    applied_at = datetime.fromisoformat(step["moment"])
    campaign, value = acknowledgement(change.command, consumer, applied_at, outcome, detail)
    assert campaign == change.command.campaign_id.encode()
    answer: Json = json.loads(value)
    return answer


def show(verdict: Verdict) -> Json:
    return {
        "may_run": verdict.may_run,
        "reasons": list(verdict.reasons),
        "resumes_at": moment(verdict.resumes_at),
        "doubts": [doubt.value for doubt in verdict.doubts],
        "command_id": None if verdict.command is None else verdict.command.command_id,
    }


def moment(value: datetime | None) -> str | None:
    return None if value is None else show_moment(value)


if __name__ == "__main__":
    main()
