"""Who asks, and what that role may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["Credential", "Person", "Role"]


class Role(StrEnum):
    """A role includes the rights of those before it."""

    VIEWER = "viewer"  # read everything
    OPERATOR = "operator"  # change brands and campaigns, publish spend
    ADMIN = "admin"  # change users and tokens


class Credential(StrEnum):
    SESSION = "session"  # a person in a browser
    TOKEN = "token"  # noqa: S105 - a program


_RANKS: Final = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    role: Role
    credential: Credential

    def may(self, role: Role) -> bool:
        """Whether this is at least that role."""
        return _RANKS[self.role] >= _RANKS[role]

    @property
    def actor(self) -> str:
        """The name in the change history. No user's name has a colon, so a token is never taken for a person."""
        return f"token:{self.name}" if self.credential is Credential.TOKEN else self.name
