"""Whatever the pages name is there: files, folders, tests, and the places that their links lead to."""

import re
from pathlib import Path, PurePosixPath

import pytest

from tests.docs.repository import (
    PAGES,
    ROOT,
    defined_in,
    files,
    folders,
    in_backticks,
    text_of,
    without_code_blocks,
)

_FILE = re.compile(r"[\w.-][\w./-]*\.(py|md|html|css|js|yaml|yml|json|toml|lock|png|java)")
_TOP_FOLDERS = {path.split("/")[0] for path in files() if "/" in path}
#: Files that Spendgate makes where it runs.
_MADE = {"run.json", ".spendgate/run.json", "D/run.json"}


@pytest.mark.parametrize("page", PAGES)
def test_every_path_is_there(page: str) -> None:
    named = {name.split("::")[0].rstrip("/") for name in in_backticks(without_code_blocks(text_of(page)))}
    paths = {name for name in named if _FILE.fullmatch(name) or _names_a_folder(name)} - _MADE
    assert {path for path in paths if not _is_there(path)} == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_name_in_a_file_is_there(page: str) -> None:
    """`file.py::name`: a test, a function, a class or `Class.method`."""
    named = [name for name in in_backticks(text_of(page)) if re.fullmatch(r"[\w./]+\.py::[\w.]+", name)]
    missing = [name for name in named if name.split("::")[1] not in defined_in(_whole(name.split("::")[0]))]
    assert missing == []


def test_every_test_that_is_named_without_its_file_is_there() -> None:
    tests = {
        name for path in files() if path.startswith("tests/") and path.endswith(".py") for name in defined_in(path)
    }
    named = {name for page in PAGES for name in in_backticks(text_of(page)) if re.fullmatch(r"test_\w+", name)}
    assert len(named) > 30
    assert named <= tests


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", without_code_blocks(text_of(page)))
    ours = [link for link in links if not link.startswith("https://")]
    assert [link for link in ours if not _leads_somewhere(page, link)] == []


def _names_a_folder(name: str) -> bool:
    return re.fullmatch(r"[\w-]+(/[\w.-]+)+", name) is not None and name.split("/")[0] in _TOP_FOLDERS


def _is_there(path: str) -> bool:
    if path in files() | folders():
        return True
    return "/" not in path and any(PurePosixPath(it).name == path for it in files())


def _whole(path: str) -> str:
    """A name without folders means the one file that bears it."""
    if path in files():
        return path
    (found,) = [it for it in files() if PurePosixPath(it).name == path]
    return found


def _leads_somewhere(page: str, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = ROOT / page if not path else (ROOT / page).parent / path
    if not target.exists():
        return False
    return not anchor or anchor in _anchors(target)


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", without_code_blocks(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
