"""A signed-in user or a token, and what its role may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["Credential", "Person", "Role"]


class Role(StrEnum):
    """The roles; each includes the rights of the roles before it."""

    VIEWER = "viewer"  # read everything
    OPERATOR = "operator"  # change brands and campaigns, publish spend
    ADMIN = "admin"  # change users and tokens


class Credential(StrEnum):
    """What the person has shown."""

    SESSION = "session"  # a person in a browser
    TOKEN = "token"  # noqa: S105 - a program


_RANKS: Final = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks, and with which rights."""

    name: str
    role: Role
    credential: Credential

    def may(self, role: Role) -> bool:
        """Whether the person's role is `role` or a higher one."""
        return _RANKS[self.role] >= _RANKS[role]

    @property
    def actor(self) -> str:
        """The name in the change history. User names have no colon, so the name of a token differs from all of them."""
        return f"token:{self.name}" if self.credential is Credential.TOKEN else self.name
