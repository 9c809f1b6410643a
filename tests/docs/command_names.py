"""The commands of `spendgate` by their words, as the application has them and as pages name them."""

import re
from functools import cache

from typer.core import TyperGroup
from typer.main import get_command

from cli.__main__ import application


@cache
def all_commands() -> frozenset[str]:
    """Such as `brand add` and `worker`."""
    root = get_command(application())
    assert isinstance(root, TyperGroup)
    return frozenset(
        f"{name} {below}" if below else name
        for name, command in root.commands.items()
        for below in (command.commands if isinstance(command, TyperGroup) else [""])
    )


def commands_in(code: str) -> list[str]:
    """The commands in a piece of code: `brand set/show ID` is two; what follows a command are its arguments."""
    first, *rest = code.split()
    if rest and any(it.startswith(f"{first} ") for it in all_commands()):
        return [f"{first} {word}" for word in re.split("/", rest[0])]
    return [first]
