"""Formats a command as a line on the terminal, in the brand's local time and in words."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from rich.text import Text

from core.records import Action, ControlCommand
from operations.near_moment import near_text
from operations.reason_words import command_in_words
from simulation.demo.brands import DemoBrand

__all__ = ["command_line"]

WIDTH_OF_IDS: Final = 14


def command_line(command: ControlCommand, brand: DemoBrand, now: datetime) -> Text:
    """The line of a command, with the time from its `decided_at` to `now`."""
    zone = ZoneInfo(brand.time_zone)
    decided_at = datetime.fromisoformat(command.decided_at)
    paused = command.action is Action.PAUSE
    line = Text()
    line.append(f"{decided_at.astimezone(zone):%a %H:%M:%S} {brand.city:<11} ", style="dim")
    line.append("❚❚ pause  " if paused else "▶  resume ", style="bold red" if paused else "bold green")
    line.append(f"{command.campaign_id:<{WIDTH_OF_IDS}} ", style="bold")
    budget = command.brand.daily_budget or "unlimited"
    line.append(f"{command.brand.daily_spent:>8} of {budget} {command.currency} today")
    line.append(f"  {_why(command, decided_at.astimezone(zone))}")
    line.append(f"  +{max(0, (now - decided_at).total_seconds()) * 1000:.0f} ms", style="dim")
    return line


def _why(command: ControlCommand, decided_at: datetime) -> str:
    def local(text: str) -> str:
        return near_text(datetime.fromisoformat(text).astimezone(decided_at.tzinfo), decided_at)

    if command.action is Action.PAUSE:
        back = f"may resume {local(command.resumes_at)}" if command.resumes_at else "time alone ends it not"
        return f"{command_in_words(command.reasons, command.resumes_at)}; {back}"
    return f"runs until {local(command.pauses_at)}" if command.pauses_at else "runs"
