"""Which campaigns may run, by Spendgate's topics campaign-control and control-heartbeat."""

from spendgate_control.reader import ControlReader
from spendgate_control.records import (
    Action,
    Command,
    Heartbeat,
    Outcome,
    UnreadableRecordError,
    acknowledgement,
    parse_command,
    parse_heartbeat,
    show_moment,
)
from spendgate_control.state import SILENCE_SECONDS, Change, ControlState, Doubt, Policy, Verdict

__all__ = [
    "SILENCE_SECONDS",
    "Action",
    "Change",
    "Command",
    "ControlReader",
    "ControlState",
    "Doubt",
    "Heartbeat",
    "Outcome",
    "Policy",
    "UnreadableRecordError",
    "Verdict",
    "acknowledgement",
    "parse_command",
    "parse_heartbeat",
    "show_moment",
]
