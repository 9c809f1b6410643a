"""docs/rules.md: every section of the contract has its rules, each with an owner and a test that are there."""

import re

import pytest

from tests.docs.command_names import all_commands, commands_in
from tests.docs.repository import defined_in, in_backticks, section, table_rows, text_of

RULES = text_of("docs/rules.md")
CONTRACT = text_of("docs/contract.md")
SECTIONS = [it for it in re.findall(r"^##+ (.+)$", CONTRACT, re.MULTILINE) if it != "Not built yet"]
NOT_BUILT = re.findall(r"\]\(#([\w-]+)\) \|$", section(CONTRACT, "## Not built yet"), re.MULTILINE)


def test_every_section_of_the_contract_is_here_in_its_order() -> None:
    assert re.findall(r"^## \[(.+)\]\(", RULES, re.MULTILINE) == SECTIONS


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_has_rules_or_is_not_built(name: str) -> None:
    anchor = _anchor(name)
    rows = _rows(name, anchor)
    if rows:
        assert [row for row in rows if len(row) != 3 or not _is_here(row)] == []
    else:
        assert anchor in NOT_BUILT
        assert section(CONTRACT, f"### {name}").startswith("Not built yet.")


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_has_a_rule_for_each_of_its_points(name: str) -> None:
    """At least as many: which rule is of which point only a reader can tell."""
    [level] = re.findall(rf"^(#+) {re.escape(name)}$", CONTRACT, re.MULTILINE)
    own_text = re.split(r"^#", section(CONTRACT, f"{level} {name}"), maxsplit=1, flags=re.MULTILINE)[0]
    points = re.findall(r"^- ", own_text, re.MULTILINE)
    assert len(_rows(name, _anchor(name))) >= len(points)


def test_every_command_has_a_rule() -> None:
    of_commands = ("Commands", "The catalog as a file", "Channels and deliveries", "What-if")
    rules = [row[0] for name in of_commands for row in _rows(name, _anchor(name))]
    named = {command for rule in rules for code in in_backticks(rule) for command in commands_in(code)}
    assert all_commands() - named == set()


def _anchor(name: str) -> str:
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")


def _rows(name: str, anchor: str) -> list[list[str]]:
    return table_rows(section(RULES, f"## [{name}](contract.md#{anchor})"))


def _is_here(row: list[str]) -> bool:
    """Owner and test are both `path::name`; tests are of tests/, owners are not."""
    (owner,), (test,) = in_backticks(row[1]), in_backticks(row[2])
    there = all(name.split("::")[1] in defined_in(name.split("::")[0]) for name in (owner, test))
    return there and not owner.startswith("tests/") and test.startswith("tests/")
