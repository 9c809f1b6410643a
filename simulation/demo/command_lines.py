"""Formats a command as a line on the terminal, in the brand's local time and in words."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from rich.text import Text

from core.records import Action, ControlCommand
from operations.reason_words import in_words
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
    line.append(f"  {_why(command, zone)}")
    line.append(f"  +{max(0, (now - decided_at).total_seconds()) * 1000:.0f} ms", style="dim")
    return line


def _why(command: ControlCommand, zone: ZoneInfo) -> str:
    if command.action is Action.PAUSE:
        back = f"may resume {_moment(command.resumes_at, zone)}" if command.resumes_at else "time alone ends it not"
        return f"{in_words(command.reasons)}; {back}"
    return f"runs until {_moment(command.pauses_at, zone)}" if command.pauses_at else "runs"


def _moment(text: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%a %H:%M}"
