"""docs/glossary.md: one word, one meaning, and every word of the contract is in it."""

import ast
from collections import Counter, defaultdict
from typing import Final

from tests.docs.repository import files, section, table_rows, text_of

#: Programs of their own, with names of their own.
APART: Final = ("bench/", "clients/", "tests/")

WORDS = [word for row in table_rows(text_of("docs/glossary.md")) for word in row[0].split(", ")]


def test_a_word_has_one_meaning() -> None:
    assert {word for word, times in Counter(WORDS).items() if times > 1} == set()


def test_the_words_of_the_contract_are_here() -> None:
    assert {row[0] for row in table_rows(section(text_of("docs/contract.md"), "## Words"))} <= set(WORDS)


def test_two_classes_of_one_name_are_a_record_and_the_table_that_keeps_it() -> None:
    modules = defaultdict(list)
    for path in sorted(it for it in files() if it.endswith(".py") and not it.startswith(APART)):
        text = text_of(path)
        for node in ast.parse(text).body if "class " in text else ():
            if isinstance(node, ast.ClassDef):
                modules[node.name].append(path)
    assert {
        name: paths
        for name, paths in modules.items()
        if paths[1:] and [it.rpartition("/")[0] for it in paths] != ["core", "models/tables"]
    } == {}
