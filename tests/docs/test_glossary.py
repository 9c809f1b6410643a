"""docs/glossary.md: one word, one meaning, and every word of the contract is in it."""

from collections import Counter

from tests.docs.repository import section, table_rows, text_of

WORDS = [word for row in table_rows(text_of("docs/glossary.md")) for word in row[0].split(", ")]


def test_a_word_has_one_meaning() -> None:
    assert {word for word, times in Counter(WORDS).items() if times > 1} == set()


def test_the_words_of_the_contract_are_here() -> None:
    assert {row[0] for row in table_rows(section(text_of("docs/contract.md"), "## Words"))} <= set(WORDS)
