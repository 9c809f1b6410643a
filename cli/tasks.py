"""`check` and `reset`: the periodic tasks, run by hand. They wake the controller; what it then decides is its own."""

from typing import Final

import typer

from cli import output
from cli.catalog_editing import run_async
from cli.environment import load_settings
from cli.framework import CommandGroup
from streams.clock import current_moment

app = CommandGroup()

PANEL: Final = "Try and watch"


@app.command(rich_help_panel=PANEL)
def check() -> None:
    """Publish the tick of this minute to every partition: windows, flights and days are looked at now."""
    from schedulers.messages import message_of, tick_message
    from schedulers.publisher import publish
    from schedulers.schedules import TICK
    from schedulers.ticks_due import latest_due

    due = latest_due(TICK, current_moment())
    run_async(publish(load_settings(), [message_of(TICK, due)]))
    tick = tick_message(due.due_at)
    output.show({"tick_id": tick.tick_id, "due_at": tick.due_at}, f"tick {tick.tick_id} is on every partition")


@app.command(rich_help_panel=PANEL)
def reset(
    kind: str = typer.Argument(metavar="daily|monthly", help="Which period."),
    time_zone: str = typer.Option(..., help="Whose brands: an IANA name such as Asia/Karachi."),
) -> None:
    """Publish the reset of the open day or month of a time zone; it begins what is due and sets nothing to zero."""
    import msgspec

    from core.records import ResetKind
    from operations import validation
    from schedulers.messages import message_of, reset_message
    from schedulers.publisher import publish
    from schedulers.schedules import PeriodicTask, TaskKind
    from schedulers.ticks_due import latest_due

    period = ResetKind(validation.one_of("kind of reset", kind, [one.value for one in ResetKind]))
    schedule = PeriodicTask(TaskKind(period), validation.time_zone(time_zone))
    due = latest_due(schedule, current_moment())
    run_async(publish(load_settings(), [message_of(schedule, due)]))
    message = reset_message(period, schedule.time_zone, due)
    output.show(msgspec.to_builtins(message), f"reset {message.reset_id}, due {message.due_at}, is on every partition")
