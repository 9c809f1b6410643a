"""Whatever stands in a key, a header, a value or a name: no control character reaches a terminal."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import output
from cli.printable import one_line, printable, printable_json

HOSTILE = "a\x1b]0;owned\x07\x9b31m\u202eb\u2066\x00\r\x7f\ufeff\x85\u2028"


@pytest.fixture(autouse=True)
def as_text() -> None:
    output.set_json(False)


def harmless(text: str, *allowed: str) -> bool:
    return not [it for it in text if unicodedata.category(it) in ("Cc", "Cf", "Cs", "Zl", "Zp") and it not in allowed]


@given(st.text())
def test_no_control_character_is_left(text: str) -> None:
    assert harmless(printable(text), "\n", "\t")
    assert harmless(one_line(text))


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5))
def test_json_means_what_it_meant(data: object) -> None:
    text = printable_json(json.dumps(data, ensure_ascii=False))
    assert harmless(text)
    assert json.loads(text) == data


@pytest.mark.parametrize("text", ["Nike Sømmer 東京", "👟 25 %", "a\nb\tc"])
def test_good_text_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("wants_json", [False, True])
def test_every_way_out_is_escaped(wants_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    output.set_json(wants_json)
    output.show({HOSTILE: HOSTILE}, HOSTILE)
    output.line([HOSTILE], HOSTILE)
    output.show_table(["name"], [{"name": HOSTILE}, {"name": [HOSTILE, "x\ny"]}], "none")
    output.show_table(["name"], [], HOSTILE)
    output.note(HOSTILE)
    message = capsys.readouterr()
    assert harmless(message.out, "\n")
    assert harmless(message.err, "\n")
    assert wants_json or "\\x1b" in message.out
