"""Files of spend of whatever bytes: each line that is not blank is an event or a refusal, and none is lost."""

import io
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import RefusedValue
from core.refusal import Refusal, RefusalReason
from core.spend import MAX_VALUE_BYTES, Spend, read_spend
from operations.csv_cells import plain_cell, safe_cell
from operations.csv_export import csv_pieces
from operations.spend_import.file import Line, SpendFileFormat, format_of, lines_of
from operations.spend_import.suspect_ids import SuspectIds
from operations.spend_import.text_lines import text_lines

HEADER = "event_id,brand_id,campaign_id,amount,currency,occurred_at,attributes"
GOOD = "e{},nike,nike-summer,1.25,USD,,"

#: What must not take another line with it: each is one line that is no event.
NO_EVENT = [
    '"',
    'e4,"nike,nike-summer,1,USD,,',
    "'",
    "x,\0",
    "x" * 70_000,
    "\u2028",
    "\ud800",
    'a,"b"c,d',
    "\x1c,;",
    '"a,\\"',
]
BLANK = ["", "  ", ",,,,,,", ",,", " , , ", "\t", '"",""']
LINES = st.one_of(
    st.just("good"),
    st.sampled_from([("bad", text) for text in NO_EVENT]),
    st.text(st.characters(exclude_characters="\r\n"), max_size=20).map(lambda text: ("bad", f"~{text}")),
    st.sampled_from([("blank", text) for text in BLANK]),
)


def rows(data: bytes, file_format: SpendFileFormat = SpendFileFormat.CSV) -> list[Line]:
    return list(lines_of(io.BytesIO(data), file_format))


def events(data: bytes | str, file_format: SpendFileFormat = SpendFileFormat.CSV) -> list[dict[str, object]]:
    found = [line.value for line in rows(data.encode() if isinstance(data, str) else data, file_format)]
    assert not [value for value in found if isinstance(value, Refusal)]
    return [json.loads(value) for value in found if isinstance(value, bytes)]


def refusals(data: bytes | str, file_format: SpendFileFormat = SpendFileFormat.CSV) -> dict[int, str]:
    found = rows(data.encode() if isinstance(data, str) else data, file_format)
    checked = [(it.number, it.value if isinstance(it.value, Refusal) else read_spend(it.value)) for it in found]
    return {number: value.message for number, value in checked if isinstance(value, Refusal)}


@given(
    st.lists(LINES, max_size=30),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
)
def test_published_and_refused_are_all_lines(
    drawn: list[str | tuple[str, str]], end: str, encoding: str, is_ended: bool
) -> None:
    texts = [GOOD.format(n) if it == "good" else it[1] for n, it in enumerate(drawn, start=2)]
    data = (end.join([HEADER, *texts]) + end * is_ended).encode(encoding, errors="surrogatepass")
    good = [n for n, it in enumerate(drawn, start=2) if it == "good"]
    bad = [n for n, it in enumerate(drawn, start=2) if it[0] == "bad"]
    found = {line.number: line.value for line in rows(data)}
    assert sorted(found) == sorted(good + bad)
    assert set(refusals(data)) == set(bad)
    assert [json.loads(found[n])["event_id"] for n in good] == [f"e{n}" for n in good]


@given(st.binary(max_size=300), st.sampled_from(list(SpendFileFormat)), st.booleans())
def test_every_byte_string_is_read_or_refused(data: bytes, file_format: SpendFileFormat, has_header: bool) -> None:
    whole = HEADER.encode() + b"\n" + data if has_header else data
    try:
        found = rows(whole, file_format)
    except RefusedValue:
        assert not has_header
        return
    numbers = [line.number for line in found]
    lines = whole.removeprefix(b"\xef\xbb\xbf").splitlines()
    first = 2 if file_format is SpendFileFormat.CSV else 1
    if has_header:
        expected = [n for n, line in enumerate(lines, start=1) if n >= first and line.strip(b' \t\v\f,"')]
        assert [n for n in numbers if n in expected] == expected
    assert numbers == sorted(set(numbers))
    for line in found:
        assert isinstance(line.value, Refusal) or isinstance(read_spend(line.value), (Spend, Refusal))


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_pipe_may_end_a_chunk_anywhere(chunk: int, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.spend_import.text_lines._CHUNK_BYTES", max(chunk, 4))
    lines = ["héad", "", "two\r", "x" * 50, "x" * 9 + "\U0001f600", "end"]
    data = "\r\n".join(lines).encode(encoding)
    found = [it.text if it.text is None else it.text.decode() for it in text_lines(io.BytesIO(data), 20)]
    assert found == ["héad", "", "two", "", None, "x" * 9 + "\U0001f600", "end"]


def test_a_stray_quote_is_its_own_line_alone() -> None:
    lines = [GOOD.format(n) for n in range(2, 2_002)]
    lines[2] = lines[2].replace("nike,", '"nike,', 1)
    found = rows("\n".join([HEADER, *lines]).encode())
    assert len(found) == 2_000
    [refused] = [line for line in found if isinstance(line.value, Refusal)]
    assert refused.number == 4
    assert "quote" in refused.value.message  # type: ignore[union-attr]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("before", ["", "sep={}\n", "\n \n"])
def test_separators_of_other_countries_are_found(separator: str, before: str) -> None:
    text = before.format(separator) + "\n".join([HEADER, GOOD.format(1)]).replace(",", separator)
    [event] = events(text)
    assert (event["event_id"], event["brand_id"], event["amount"]) == ("e1", "nike", "1.25")


def test_columns_that_nobody_named_may_be_empty() -> None:
    header = "event_id,brand_id,campaign_id,amount,,"
    assert len(events(f"{header}\ne1,nike,summer,1,,\ne2,nike,summer,1\n,,,,,\n,,\n")) == 2
    assert "5 cells" in refusals(f"{header}\ne1,nike,summer,1,x")[2]


@pytest.mark.parametrize(
    ("data", "observed"),
    [
        (b"", "is empty"),
        (b"\n\n", "first line"),
        (b"PK\x03\x04...", "Excel"),
        (b"\x1f\x8b\x08", "gzip"),
        (HEADER.encode("utf-32"), "UTF-32"),
        (HEADER.encode("utf-16-le"), "UTF-16"),
        (b"\xff\xfeevent_id", "first line"),
        (b"event_id,\xff\n", "Line 1"),
        (b"x" * 70_000, "Line 1"),
        (b'event_id,"brand_id\n', "first line"),
        (b"event_id,event_id,brand_id,campaign_id,amount", "twice"),
    ],
)
def test_what_is_no_file_of_spend_is_refused_by_name(data: bytes, observed: str) -> None:
    with pytest.raises(RefusedValue, match=observed):
        rows(data)


@pytest.mark.parametrize(
    ("name", "data", "observed"),
    [
        ("spend.xlsx", b"PK\x03\x04...", "Excel"),
        ("spend.csv.gz", b"\x1f\x8b\x08", "gzip"),
        ("spend", b"", "is empty"),
        ("spend.txt", HEADER.encode(), "no ending that shows its format"),
    ],
)
def test_a_file_whose_ending_shows_no_format_is_told_first_what_it_is(name: str, data: bytes, observed: str) -> None:
    """Otherwise the advice to name the format leads to the next refusal."""
    with pytest.raises(RefusedValue, match=observed):
        format_of(name, io.BytesIO(data))


def test_blanks_are_part_of_a_value_in_both_formats() -> None:
    as_csv = HEADER + "\n e1 ,nike,summer,1,,,\ne2, nike,summer,1,,,\ne3,nike,summer, 1,,,"
    as_json = "\n".join(
        json.dumps(dict(zip(HEADER.split(",")[:4], row, strict=True)))
        for row in [(" e1 ", "nike", "summer", "1"), ("e2", " nike", "summer", "1"), ("e3", "nike", "summer", " 1")]
    )
    assert events(as_csv)[0]["event_id"] == events(as_json, SpendFileFormat.JSON_LINES)[0]["event_id"] == " e1 "
    csv_refused, json_refused = refusals(as_csv), refusals(as_json, SpendFileFormat.JSON_LINES)
    assert sorted(csv_refused) == [3, 4]
    assert list(csv_refused.values()) == list(json_refused.values())


def test_numbers_in_attributes_stay_exact() -> None:
    attributes = '{"order":1234567890123456789,"share":0.12345678901234567890,"note":"a;b"}'
    line = 'e1,nike,summer,1,,,"' + attributes.replace('"', '""') + '"'
    [found] = rows(f"{HEADER}\n{line}".encode())
    assert isinstance(found.value, bytes)
    assert attributes.encode() in found.value


def test_a_line_too_long_is_refused_and_the_next_is_read() -> None:
    long = GOOD.format("x" * MAX_VALUE_BYTES)
    found = rows("\n".join([HEADER, long, GOOD.format(3)]).encode())
    assert [(it.number, it.value.reason if isinstance(it.value, Refusal) else None) for it in found] == [
        (2, RefusalReason.TOO_LARGE),
        (3, None),
    ]


def test_a_name_that_tells_no_format_is_refused() -> None:
    with pytest.raises(RefusedValue, match="--format"):
        format_of("spend.xls", io.BytesIO(HEADER.encode()))


FORMULAS = [
    *("=1+1", "+1+1", "-1+1", "@SUM(A1)", "|calc", "\t=1", "\r=1", "\n=1", " =1", "\u3000=1", "\ufeff=1", "\u200b=1"),
    *(
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1",
        "\uff20A1",
        "'=1",
        "''=1",
        "'\uff1d",
        "a;=1+1",
        "a\t@x",
        "a;'=1",
        "\t\t=;=",
        "-5'",
    ),
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_begins_as_a_formula(text: str) -> None:
    for part in safe_cell(text).split(";"):
        assert part.lstrip(" \u3000\ufeff\u200b")[:1] not in list("=+-@|\t\r\n\uff1d\uff0b\uff0d\uff20")
    assert plain_cell(safe_cell(text)) == text


@given(st.text(st.sampled_from("'=+-@|\uff1d\t\r\n ;,\ufeff1a\u200b"), max_size=8) | st.text(max_size=20))
def test_the_way_back_from_a_cell_is_exact(text: str) -> None:
    assert plain_cell(safe_cell(text)) == text


@pytest.mark.parametrize("text", ["nike", "a'b", "-5", "-0.25", "1-2", "a=b", "it's", "'"])
def test_what_is_no_formula_stays(text: str) -> None:
    assert safe_cell(text) == text


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20), min_size=1))
@example(["=1+1", "'=1+1", " -x", '"', "a;=b", "\uff1d1"])
def test_our_own_export_is_read_again_with_the_same_ids(ids: list[str]) -> None:
    header = ("arrived_at", "event_id", "brand_id", "campaign_id", "amount")
    text = "".join(csv_pieces(header, [["now", it, "nike", "summer", "-1.25"] for it in ids]))
    assert [event["event_id"] for event in events(text)] == ids


def test_rounded_and_blank_ids_are_told_once() -> None:
    message: list[str] = []
    odd = SuspectIds(message.append)
    for number, event_id in enumerate(["a", "4.68769E+17", "4,68770E+17", "4.68769E+17", " b", "c ", "e5"], start=2):
        odd.check(number, event_id)
    assert [text.split(":")[0] for text in message] == ["Line 3", "Line 5", "Line 6"]
    assert "line 3" in message[1]
