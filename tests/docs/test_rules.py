"""docs/rules.md: every section of the contract has its rules, each with an owner and a test that are there."""

import re

import pytest

from tests.docs.repository import defined_in, in_backticks, section, table_rows, text_of

RULES = text_of("docs/rules.md")
CONTRACT = text_of("docs/contract.md")
SECTIONS = [it for it in re.findall(r"^##+ (.+)$", CONTRACT, re.MULTILINE) if it != "Not built yet"]
NOT_BUILT = re.findall(r"\]\(#([\w-]+)\) \|$", section(CONTRACT, "## Not built yet"), re.MULTILINE)


def test_every_section_of_the_contract_is_here_in_its_order() -> None:
    assert re.findall(r"^## \[(.+)\]\(", RULES, re.MULTILINE) == SECTIONS


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_has_rules_or_is_not_built(name: str) -> None:
    anchor = re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")
    rows = _rows(name, anchor)
    if rows:
        assert [row for row in rows if len(row) != 3 or not _is_here(row)] == []
    else:
        assert anchor in NOT_BUILT
        assert section(CONTRACT, f"### {name}").startswith("Not built yet.")


def _rows(name: str, anchor: str) -> list[list[str]]:
    return table_rows(section(RULES, f"## [{name}](contract.md#{anchor})"))


def _is_here(row: list[str]) -> bool:
    """Owner and test are both `path::name`; tests are of tests/, owners are not."""
    (owner,), (test,) = in_backticks(row[1]), in_backticks(row[2])
    there = all(name.split("::")[1] in defined_in(name.split("::")[0]) for name in (owner, test))
    return there and not owner.startswith("tests/") and test.startswith("tests/")
