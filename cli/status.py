"""`status`: what the installation does now."""

from typing import Any

from cli import output
from cli.environment import load_settings
from cli.framework import CommandGroup

app = CommandGroup()


@app.command()
def status() -> None:
    """What it does now: workers, lag, last tick and decision."""
    import asyncio

    from operations.status import read_status

    facts = asyncio.run(read_status(load_settings()))
    output.show(facts, "\n".join(_lines(facts)))


def _lines(facts: dict[str, Any]) -> list[str]:
    lines = [line for group in facts["groups"] for line in _group_lines(group)]
    if not lines:
        lines.append("worker         none has ever run: start one with `spendgate worker` or `spendgate up`")
    lines += [f"state          {sentence}" for sentence in facts["hidden_state"]]
    tick, decision = facts["last_tick"], facts["last_decision"]
    lines.append(f"last tick      {tick['due_at'] if tick else 'none yet'}")
    lines.append(f"last decision  {_decision(decision) if decision else 'none yet'}")
    lines.append(f"duplicates     {_window(facts['duplicate_window'])}")
    if facts["held_resumes"]["count"]:
        lines.append(f"resumes        {_resumes(facts['held_resumes'])}")
    lines.append(f"dead letters   {_dead_letters(facts['dead_letters'])}")
    lines.append(f"reconcile      {_reconcile(facts['last_reconcile'])}")
    if facts["restored"]:
        lines.append(f"database       {facts['restored']}")
    lines += [f"database       {hole}" for hole in facts["holes"]]
    return lines


def _window(window: dict[str, Any]) -> str:
    known = f"{window['event_ids']} of {window['capacity']} event ids are held"
    if window["seconds"] is None:
        return f"{known}: all that came"
    return f"{known}: those of the last {_length(window['seconds'])}, since {window['since']}"


def _resumes(held: dict[str, Any]) -> str:
    count = f"{held['count']} held until the spend before them is counted"
    return count if held["seconds"] is None else f"{count}, the first for {_length(held['seconds'])}"


def _length(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.1f} seconds"


def _dead_letters(waiting: int | None) -> str:
    if waiting is None:
        return "not known without the database"
    return f"{waiting} wait; see `spendgate dlq list`" if waiting else "none waits"


def _reconcile(run: dict[str, Any] | None) -> str:
    if run is None:
        return "none yet; it runs each night, and with `spendgate reconcile`"
    if run["failure"]:
        return f"failed at {run['finished_at']}: {run['failure']}"
    found = f"{run['differences']} differences" if run["differences"] else "no difference"
    return f"{found} at {run['finished_at']}, over {run['brands']} brands and {run['campaigns']} campaigns"


def _group_lines(group: dict[str, Any]) -> list[str]:
    name = group["group"].rpartition("spendgate-")[2]
    lines = [f"{name:<14} {_owned(member)} at {member['host']}" for member in group["members"]]
    behind = {topic: lag for topic, lag in group["lag"].items() if lag}
    texts = ", ".join(f"{topic} {lag}" for topic, lag in sorted(behind.items())) or "nothing waits"
    return [*(lines or [f"{name:<14} none is running"]), f"{name + ' lag':<14} {texts}"]


def _owned(member: dict[str, Any]) -> str:
    numbers = sorted({number for owned in member["partitions"].values() for number in owned})
    return f"partitions {', '.join(map(str, numbers))}" if numbers else "no partition yet"


def _decision(decision: dict[str, Any]) -> str:
    why = f" ({', '.join(decision['reasons'])})" if decision["reasons"] else ""
    return f"{decision['action']} {decision['campaign_id']}{why} at {decision['decided_at']}"
