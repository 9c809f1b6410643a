"""The pure fold of campaign-control and control-heartbeat: no I/O, no clock. Time is an argument."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from spendgate_control.records import Command, Heartbeat, UnreadableRecordError, is_id, parse_command, parse_heartbeat

__all__ = ["SILENCE_SECONDS", "Change", "ControlState", "Doubt", "Policy", "Verdict"]

#: After so long without a heartbeat whose commands were read, nobody is known to decide on a partition's brands.
SILENCE_SECONDS: Final = 5.0


class Policy(StrEnum):
    """What a campaign does while there is a doubt."""

    #: Go on by the last command; a campaign without a command runs.
    OPEN = "open"
    #: Stop.
    CLOSED = "closed"


class Doubt(StrEnum):
    """Why the last command that was read may not be the last word."""

    CATCHING_UP = "catching_up"
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    #: A record with the campaign's key could not be read, and nothing after it has made up for it.
    UNREADABLE = "unreadable"
    #: Nobody has decided on the brand for SILENCE_SECONDS, or ever since the reader started; or what was decided lies
    #: for so long behind another transaction that is open, where no reader gets it.
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a campaign may run, and why. Without doubts, `may_run` is what `command` says."""

    may_run: bool
    reasons: tuple[str, ...]
    resumes_at: datetime | None
    doubts: tuple[Doubt, ...]
    command: Command | None


@dataclass(frozen=True, slots=True)
class Change:
    """A command that was applied: it is higher than the one held before."""

    command: Command
    #: It was on the topic before the reader started, so that nobody can tell when it was applied first.
    is_history: bool


class ControlState:
    """The last command of every campaign. Not for several threads at once; `now` is in seconds and never runs back."""

    def __init__(self, policy: Policy, *, heartbeats: bool = True) -> None:
        """`heartbeats=False` for a Spendgate that writes none: then nothing is ever silent."""
        self.unreadable_records = 0
        self.last_error: str | None = None
        self._policy = policy
        self._heartbeats = heartbeats
        self._commands: dict[str, Command] = {}
        self._doubtful: set[str] = set()
        self._positions: dict[int, int] = {}
        self._history_ends: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._ends_told_at = 0.0
        #: Heartbeats whose commands were not read yet: of each partition the oldest and the newest, and when they came.
        self._ahead: dict[int, list[tuple[Heartbeat, float]]] = {}
        self._heard_at: dict[int, float] = {}
        self._decided_up_to: dict[int, datetime] = {}

    def read_command(self, partition: int, offset: int, key: bytes | None, value: bytes | None) -> Change | None:
        """Apply a record of campaign-control; the change it made, if any. A tombstone makes a campaign unknown."""
        self.move_to(partition, offset + 1)
        if value is None:
            self._forget(key)
            return None
        try:
            command = parse_command(key, value)
        except UnreadableRecordError as error:
            self._note_unreadable(error)
            self._doubt(key)
            return None
        held = self._commands.get(command.campaign_id)
        if held is not None and command.order < held.order:
            return None
        self._doubtful.discard(command.campaign_id)
        if held is not None and command.order == held.order:
            return None
        self._commands[command.campaign_id] = command
        return Change(command, offset < self._history_ends.get(partition, offset + 1))

    def read_heartbeat(self, value: bytes | None, now: float) -> None:
        """Take a heartbeat that was written while the reader was reading: an earlier one says nothing of now. It counts
        from its coming, but not before every command that it speaks of was read."""
        if value is None:
            return
        try:
            heartbeat = parse_heartbeat(value)
        except UnreadableRecordError as error:
            self._note_unreadable(error)
            return
        since = max(self._heard_at.get(heartbeat.partition, self._ends_told_at), self._ends_told_at)
        if now - since > SILENCE_SECONDS:
            self._ends = {}  # what was decided meanwhile may still have to be read
        ahead = self._ahead.setdefault(heartbeat.partition, [])
        del ahead[1:]
        ahead.append((heartbeat, now))
        self._count_heartbeats()

    def move_to(self, partition: int, position: int) -> None:
        """The reader will read `position` next. It may lie behind records that readers do not see."""
        self._positions[partition] = position
        self._count_heartbeats()

    def tell_ends(self, ends: Mapping[int, int], now: float) -> None:
        """The end offsets of all partitions of campaign-control, as a read_committed reader gets them."""
        self._history_ends = self._history_ends or dict(ends)
        self._ends = dict(ends)
        self._ends_told_at = now

    @property
    def wants_ends(self) -> bool:
        """The reader has to ask for the end offsets: at its start, and after a silence."""
        return not self._ends

    @property
    def behind(self) -> dict[int, int]:
        """How many offsets are left to read, of each partition that has some."""
        lags = {partition: end - self._positions.get(partition, 0) for partition, end in self._ends.items()}
        return {partition: lag for partition, lag in lags.items() if lag > 0}

    @property
    def caught_up(self) -> bool:
        """All was read that was on the topic when the end offsets were asked for."""
        return bool(self._ends) and not self.behind

    def may_run(self, campaign_id: str, now: float) -> Verdict:
        command = self._commands.get(campaign_id)
        doubts = self._doubts(campaign_id, command, now)
        allowed = self._policy is Policy.OPEN if command is None else command.may_run
        return Verdict(
            may_run=allowed and (not doubts or self._policy is Policy.OPEN),
            reasons=() if command is None else command.reasons,
            resumes_at=None if command is None else command.resumes_at,
            doubts=doubts,
            command=command,
        )

    def is_silent(self, partition: int, now: float) -> bool:
        """Whether nobody is known to decide on the brands of a partition."""
        heard_at = self._heard_at.get(partition)
        return self._heartbeats and (heard_at is None or now - heard_at > SILENCE_SECONDS)

    def decided_up_to(self, partition: int) -> datetime | None:
        """Every command of what arrived before was read; None until a heartbeat came and its commands were read."""
        return self._decided_up_to.get(partition)

    def campaigns(self) -> list[str]:
        """The ids of all campaigns of which a command is held, sorted."""
        return sorted(self._commands)

    def _count_heartbeats(self) -> None:
        """The newest of each partition whose commands were read meanwhile; those before it are of no more use."""
        for partition, ahead in list(self._ahead.items()):
            read = [number for number, (it, _) in enumerate(ahead) if self._has_read(it.control_offsets)]
            if read:
                heartbeat, self._heard_at[partition] = ahead[read[-1]]
                self._decided_up_to[partition] = heartbeat.decided_up_to
                del ahead[: read[-1] + 1]
            if not ahead:
                del self._ahead[partition]

    def _has_read(self, offsets: tuple[int, ...]) -> bool:
        return all(self._positions.get(partition, 0) >= offset for partition, offset in enumerate(offsets))

    def _doubts(self, campaign_id: str, command: Command | None, now: float) -> tuple[Doubt, ...]:
        found = {
            Doubt.CATCHING_UP: not self.caught_up,
            Doubt.UNKNOWN_CAMPAIGN: command is None,
            Doubt.UNREADABLE: campaign_id in self._doubtful,
            Doubt.SILENT: command is not None and self.is_silent(command.brand_partition, now),
        }
        return tuple(doubt for doubt, holds in found.items() if holds)

    def _forget(self, key: bytes | None) -> None:
        campaign_id = _campaign_of(key)
        if campaign_id is not None:
            self._commands.pop(campaign_id, None)
            self._doubtful.discard(campaign_id)

    def _doubt(self, key: bytes | None) -> None:
        campaign_id = _campaign_of(key)
        if campaign_id is not None:
            self._doubtful.add(campaign_id)

    def _note_unreadable(self, error: UnreadableRecordError) -> None:
        self.unreadable_records += 1
        self.last_error = str(error)


def _campaign_of(key: bytes | None) -> str | None:
    text = "" if key is None else key.decode(errors="replace")
    return text if is_id(text) else None
