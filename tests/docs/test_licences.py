"""Every locked package has a licence that allows what we do with it; docs/security.md names those with conditions."""

import json
import re
from importlib.metadata import PackageNotFoundError, metadata
from typing import Final

import pytest

from tests.docs.repository import in_backticks, section, table_rows, text_of

LOCKS: Final = ("requirements.lock", "requirements-dev.lock", "requirements-setup.lock")
#: Of those that are told: words that licences without conditions on whoever distributes us are known by.
PERMISSIVE: Final = re.compile(
    r"MIT|MIT-0|MIT License|Apache(-| )2(\.0)?|Apache License, Version 2\.0|Apache Software License|"
    r"BSD|BSD License|BSD[- ][23][- ]Clause( License)?|ISC|ISC License \(ISCL\)|PSF-2\.0|"
    r"Python Software Foundation License|Unlicense|Repoze Public License"
)
#: Locked for other systems than this one.
ELSEWHERE: Final = frozenset({"colorama"})


def locked(lock: str) -> list[str]:
    return re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", text_of(lock), re.MULTILINE)


def licences(package: str) -> list[str]:
    """What the package says of itself, each licence by itself: its expression, else classifiers, else free text."""
    told = metadata(package)
    if expression := told.get("License-Expression"):
        return re.split(r" AND | OR ", str(expression))
    classifiers = [it for it in told.get_all("Classifier") or [] if it.startswith("License :: ")]
    named = [it.split(" :: ")[-1] for it in classifiers if it.count("::") > 1 or ("OSI" not in it and "DFSG" not in it)]
    return named or [str(told.get("License") or "").split("\n")[0]]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_is_free_of_conditions_or_named_with_them(lock: str) -> None:
    rows = table_rows(section(text_of("docs/security.md"), "## Licences and advisories"))
    explained = {name for row in rows for name in in_backticks(row[0])}
    packages = locked(lock)
    assert len(packages) > 1
    conditional = set()
    for package in packages:
        try:
            told = licences(package)
        except PackageNotFoundError:
            assert package in ELSEWHERE
            continue
        if not all(PERMISSIVE.fullmatch(one) for one in told):
            conditional.add(package)
    assert conditional <= explained, conditional - explained
    if lock == "requirements-dev.lock":  # it has those of the others that are installed with us
        assert explained == conditional


def test_every_package_of_the_client_for_typescript_is_free_of_conditions() -> None:
    packages = json.loads(text_of("clients/typescript/package-lock.json"))["packages"]
    assert len(packages) > 10
    assert {name for name, it in packages.items() if not PERMISSIVE.fullmatch(it["license"])} == set()
