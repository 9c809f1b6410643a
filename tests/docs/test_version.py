"""The version stands in pyproject.toml, in the newest heading of the changelog and in `spendgate --version`."""

import re
import tomllib

import pytest

from cli.__main__ import application
from cli.framework import run
from tests.docs.repository import text_of

VERSION = tomllib.loads(text_of("pyproject.toml"))["project"]["version"]


def test_the_executable_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(application(), ["--version"]) == 0
    assert capsys.readouterr().out == f"spendgate {VERSION}\n"


def test_it_is_the_newest_of_the_changelog_below_what_is_not_released() -> None:
    headings = re.findall(r"^## (.+)$", text_of("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(VERSION)} - \d{{4}}-\d\d-\d\d", headings[1])
