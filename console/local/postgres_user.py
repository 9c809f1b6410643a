"""As whom PostgreSQL runs: it refuses root, so root needs somebody else."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PostgresUser:
    uid: int | None
    """None: ourselves."""
    keep_access: bool
    """A folder on the way is closed to others, as /root is: the process has to pass it all the same."""


def postgres_user(data: Path, programs: Path) -> PostgresUser:
    if os.geteuid() != 0:
        return PostgresUser(None, keep_access=False)
    return PostgresUser(_uid(data), keep_access=not all(map(_open_to_others, (data.parent, programs))))


def _uid(data: Path) -> int:
    """Whoever owns the data since the first start."""
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid
    return pwd.getpwnam("nobody").pw_uid


def _open_to_others(folder: Path) -> bool:
    real = folder.resolve()
    return all(step.stat().st_mode & stat.S_IXOTH for step in (real, *real.parents))
