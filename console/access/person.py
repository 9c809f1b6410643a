"""Who asks, and what that role may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["How", "Person", "Role"]


class Role(StrEnum):
    """Each may do what the ones before it may."""

    VIEWER = "viewer"  # look at everything
    OPERATOR = "operator"  # change brands and campaigns, publish spend
    ADMIN = "admin"  # change users and tokens


class How(StrEnum):
    SESSION = "session"  # a person in a browser
    TOKEN = "token"  # noqa: S105 - a program


_RANKS: Final = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    role: Role
    how: How

    def may(self, role: Role) -> bool:
        """Whether this is at least that role."""
        return _RANKS[self.role] >= _RANKS[role]

    @property
    def actor(self) -> str:
        """Who stands in the change history. No user's name holds a colon, so a program is never taken for a person."""
        return f"token:{self.name}" if self.how is How.TOKEN else self.name
