"""The user that runs PostgreSQL, which refuses to run as root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PostgresUser:
    uid: int | None
    """None: the user of this process."""
    keep_access: bool
    """Whether the process keeps the capability to traverse folders closed to others, such as /root."""


def postgres_user(data: Path, programs: Path) -> PostgresUser:
    """This user; for root the owner of `data`, else `nobody`."""
    if os.geteuid() != 0:
        return PostgresUser(None, keep_access=False)
    return PostgresUser(_uid(data), keep_access=not all(map(_open_to_others, (data.parent, programs))))


def _uid(data: Path) -> int:
    """The owner of the data since the first start."""
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid
    return pwd.getpwnam("nobody").pw_uid


def _open_to_others(folder: Path) -> bool:
    real = folder.resolve()
    return all(step.stat().st_mode & stat.S_IXOTH for step in (real, *real.parents))
