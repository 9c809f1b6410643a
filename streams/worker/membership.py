"""Has members of dead workers leave the group, so that a start after a kill need not wait until their sessions end.

A worker keeps its member id in a locked file below SPENDGATE_DATA_DIR. The kernel unlocks it when the process ends,
however it ends, and not while it is frozen: whoever can lock the file knows that its worker is dead. A live worker that
left all the same would join again, or end, fenced by the next owner's producers: membership protects no state.
"""

import asyncio
import fcntl
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final

import structlog
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError
from typing_extensions import override

from core.errors import SpendgateError
from streams.kafka.failures import reason
from streams.kafka.groups import leave_group
from streams.kafka.provision import admin_client
from streams.settings import Settings

__all__ = ["Membership", "note_joins"]

log = structlog.get_logger()

#: Less than the session that it spares.
_PATIENCE_SECONDS: Final = 3.0
#: In characters; Kafka's own ids are shorter than 300.
_LONGEST_ID: Final = 1000


class Membership:
    """The member ids of one group's workers that share a data folder."""

    def __init__(self, settings: Settings, group: str) -> None:
        self._settings = settings
        self._group = group
        self._folder: Path = settings.data_dir / "members" / group
        self._own: IO[str] | None = None

    async def remove_dead(self) -> None:
        """Have the members of dead workers leave. One that cannot stays until its session ends."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                with ExitStack() as locks:
                    if dead := self._lock_dead(locks):
                        await self._leave(dead)
        except (KafkaError, SpendgateError, OSError) as error:
            log.warning("dead_members_stay", why=reason(error, self._settings))

    def note(self, member_id: str) -> None:
        """Keep the id under which this process has joined."""
        try:
            if self._own is None:
                self._own = self._new_file()
            self._own.seek(0)
            self._own.truncate()
            self._own.write(member_id)
            self._own.flush()
        except OSError as error:
            log.warning("member_not_noted", why=reason(error, self._settings))

    def forget(self) -> None:
        """Remove the file of this process, which has left the group."""
        if self._own:
            with suppress(OSError):
                Path(self._own.name).unlink(missing_ok=True)
            self._own.close()
            self._own = None

    def _new_file(self) -> IO[str]:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = NamedTemporaryFile("w", dir=self._folder, delete=False)  # noqa: SIM115 - open as long as the process lives
        # A start that meets the file before it is locked removes it: the next one then waits for the session.
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:  # a file system without locks: the next join would leave another one
            file.close()
            Path(file.name).unlink(missing_ok=True)
            raise
        return file

    def _lock_dead(self, locks: ExitStack) -> dict[Path, str]:
        """The ids of dead workers by their files, which are locked until `locks` closes."""
        dead = {}
        for path in sorted(self._folder.glob("*")):
            # Another start may have removed the file, or its system user may be another; a live worker holds its lock.
            with suppress(OSError):
                file = locks.enter_context(path.open("r+", encoding="utf-8", errors="replace"))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                dead[path] = file.read(_LONGEST_ID)
        return dead

    async def _leave(self, dead: dict[Path, str]) -> None:
        async with admin_client(self._settings) as admin:
            for path, member_id in dead.items():
                if member_id:
                    await leave_group(admin, self._group, member_id)
                    log.info("dead_member_left", member_id=member_id)
                path.unlink(missing_ok=True)


class _NotingCoordinator(GroupCoordinator):  # type: ignore[misc]
    """Notes each id under which it joins."""

    membership: Membership

    @override
    async def _on_join_complete(self, generation: int, member_id: str, *protocol: object) -> None:
        self.membership.note(member_id)
        await super()._on_join_complete(generation, member_id, *protocol)


def note_joins(coordinator: GroupCoordinator, membership: Membership) -> None:
    """Have a started consumer's coordinator note its joins. The client takes no other coordinator class, so the class
    of the object is replaced."""
    coordinator.__class__ = _NotingCoordinator
    coordinator.membership = membership
