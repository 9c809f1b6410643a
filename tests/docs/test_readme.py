"""What the README says is there."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator

from typer.core import TyperGroup
from typer.main import get_command

from cli.__main__ import application
from streams.settings import SETTINGS
from tests.docs.repository import defined_in, files, in_backticks, section, table_rows, text_of

README = text_of("README.md")


def test_every_command_of_the_readme_is_there() -> None:
    table = README.partition("\n## Commands\n")[2].partition("\n## ")[0]
    named = [words for row in re.findall(r"^\| (`[^|]*(?:\\\|[^|]*)*) \|", table, re.M) for words in _commands(row)]
    root = get_command(application())
    assert len(named) > 30
    assert [words for words in named if not _is_there(root, words)] == []


def test_the_names_of_follow_one_spend_are_in_their_files() -> None:
    rows = table_rows(section(README, "## Follow one spend"))
    steps = [(in_backticks(name)[0], re.findall(r"\]\(([^)]+)\)", file)[0]) for _, name, file in rows]
    assert len(steps) >= 6
    assert [step for step in steps if step[0] not in defined_in(step[1])] == []


def test_every_folder_has_its_line() -> None:
    named = {in_backticks(folder)[0].rstrip("/") for folder, _ in table_rows(section(README, "## The folders"))}
    assert named == {path.split("/")[0] for path in files() if "/" in path and not path.startswith(".")}


def test_the_folders_stand_in_the_order_of_the_layers() -> None:
    contracts = tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = next(it["layers"] for it in contracts if it["name"] == "Imports only move down")
    named = [in_backticks(folder)[0].rstrip("/") for folder, _ in table_rows(section(README, "## The folders"))]
    assert named[: len(layers)] == layers
    described = table_rows(section(text_of("docs/architecture.md"), "## The layers"))
    assert [in_backticks(row[0])[0] for row in described] == layers


def test_no_folder_is_more_than_a_quarter_of_the_product() -> None:
    packages = tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["root_packages"]
    lines = Counter(dict.fromkeys(packages, 0))
    for path in (it for it in files() if it.endswith(".py") and it.split("/")[0] in packages):
        lines[path.split("/")[0]] += text_of(path).count("\n")
    [(biggest, most)] = lines.most_common(1)
    assert most <= lines.total() / 4, biggest


def test_every_setting_has_its_line() -> None:
    rows = table_rows(section(README, "## Settings"))
    named = {name for row in rows for name in in_backticks(row[0])}
    assert named == {
        name.upper() for name in SETTINGS if name.removesuffix("_file") == name or name[:-5] not in SETTINGS
    }


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
