"""What the README says is there."""

import re
from collections.abc import Iterator
from pathlib import Path

from typer.core import TyperGroup
from typer.main import get_command

from console.cli.__main__ import application

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_every_command_of_the_readme_is_there() -> None:
    table = README.partition("\n## Commands\n")[2].partition("\n## ")[0]
    named = [words for row in re.findall(r"^\| (`[^|]*(?:\\\|[^|]*)*) \|", table, re.M) for words in _commands(row)]
    root = get_command(application())
    assert len(named) > 30
    assert [words for words in named if not _is_there(root, words)] == []


def _commands(row: str) -> Iterator[list[str]]:
    """`brand add/set` is two commands, `reset daily` is `reset`."""
    for code in re.findall(r"`([^`]+)`", row):
        first, *rest = code.split()
        if rest and re.fullmatch(r"[a-z-]+(/[a-z-]+)*", rest[0]):
            yield from ([first, second] for second in rest[0].split("/"))
        else:
            yield [first]


def _is_there(command: object, words: list[str]) -> bool:
    """A word behind a command that has no others below it is an argument."""
    if not words or not isinstance(command, TyperGroup):
        return True
    return words[0] in command.commands and _is_there(command.commands[words[0]], words[1:])
