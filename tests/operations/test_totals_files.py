"""Files of totals as platforms write them, and of whatever bytes: each line is a total, refused or skipped."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import RefusedValue
from core.refusal import Refusal
from core.snapshot import Snapshot, read_snapshot
from models.queries.external_ids import CampaignIds
from operations.snapshots.check import Numbered, repeat_refusals
from operations.snapshots.columns import SnapshotFileFormat
from operations.snapshots.external_id import external_id_of, with_ids
from operations.snapshots.file import Defaults, SkippedLine, TotalsFile, read_file
from operations.snapshots.local_numbers import Decimal, decimal_mark_of, plain_amount

FOLDER = Path(__file__).with_name("totals")
AS_OF = "2026-11-26T05:00:00Z"
DEFAULTS = Defaults(AS_OF)
IDS = [CampaignIds("nike", "nike-summer")]


def read(name: str, defaults: Defaults = DEFAULTS) -> TotalsFile:
    with (FOLDER / name).open("rb") as stream:
        return read_file(stream, defaults)


def read_text(text: str, defaults: Defaults = DEFAULTS) -> TotalsFile:
    return read_file(io.BytesIO(text.encode(errors="surrogateescape")), defaults)


def totals(found: TotalsFile) -> list[tuple[Any, ...]]:
    """Of each line that is one its number, campaign, day, cost and currency."""
    read = [(row.number, json.loads(row.value)) for row in found.rows if isinstance(row.value, bytes)]
    return [(number, it["external_id"], it["day"], it["cost"], it.get("currency")) for number, it in read]


def others(found: TotalsFile) -> dict[int, str]:
    """Of each line that is none its number and why."""
    values = {row.number: row.value for row in found.rows}
    return {
        number: it.why if isinstance(it, SkippedLine) else it.message
        for number, it in values.items()
        if not isinstance(it, bytes)
    }


def test_a_report_of_google_ads_from_america() -> None:
    found = read("google-us.csv")
    assert (found.kind, found.header) == (SnapshotFileFormat.GOOGLE_ADS, 3)
    assert totals(found) == [
        (4, "21034567891", "2026-11-24", "1234.56", "USD"),
        (5, "21034567892", "2026-11-24", "0.00", "USD"),
        (6, "21034567891", "2026-11-25", "12345678.90", "USD"),
    ]
    assert others(found) == dict.fromkeys((7, 8), "a total of other lines")


def test_a_report_of_google_ads_from_germany_for_excel() -> None:
    found = read("google-de-excel.csv")
    assert (found.kind, found.header) == (SnapshotFileFormat.GOOGLE_ADS, 3)
    assert totals(found) == [
        (4, "21034567891", "2026-11-24", "1234.56", "EUR"),
        (5, "21034567892", "2026-11-24", "7.00", "EUR"),
    ]
    assert others(found) == dict.fromkeys((6, 7), "a total of other lines")


def test_micros_by_the_names_of_the_api() -> None:
    assert totals(read("google-api.csv")) == [
        (2, "21034567891", "2026-11-24", "1234.56", "EUR"),
        (3, "21034567892", "2026-11-24", "0.000001", "EUR"),
    ]


def test_meta_ads_insights_by_the_names_of_the_api() -> None:
    found = read("meta-api.csv")
    assert found.kind is SnapshotFileFormat.META_ADS
    assert totals(found) == [(2, "120210000000000001", "2026-11-24", "1234.56", "USD")]
    assert "make the report by day" in others(found)[3]


def test_an_export_of_meta_ads_begins_with_a_total_and_names_the_currency_in_its_header() -> None:
    found = read("meta-us.csv")
    assert totals(found) == [
        (3, "120210000000000001", "2026-11-24", "1234.56", "USD"),
        (4, "120210000000000002", "2026-11-24", "7", "USD"),
    ]
    assert others(found)[2] == "a total of other lines"
    assert "spreadsheet has rounded" in others(found)[5]


def test_an_export_of_meta_ads_from_germany() -> None:
    found = read("meta-de.csv")
    assert totals(found) == [(2, "120210000000000001", "2026-11-24", "1234.56", "EUR")]
    assert "write 0" in others(found)[3]


@pytest.mark.parametrize(
    "header",
    [
        "Campagne,ID de la campagne,Jour,Code de la devise,Coût",
        "Campaña,ID de campaña,Día,Código de moneda,Coste",
        "Campaña,ID de campaña,Día,Código de moneda,Costo",
        "Campagna,ID campagna,Giorno,Codice valuta,Costo",
        "Campanha,ID da campanha,Dia,Código da moeda,Custo",
    ],
)
def test_a_report_of_google_ads_in_other_languages(header: str) -> None:
    found = read_text(f'{header}\nSommer,21034567891,2026-11-24,EUR,"1.234,56"\nTotale: account, --,,EUR,"1.234,56"\n')
    assert found.kind is SnapshotFileFormat.GOOGLE_ADS
    assert totals(found) == [(2, "21034567891", "2026-11-24", "1234.56", "EUR")]
    assert others(found) == {3: "a total of other lines"}


@pytest.mark.parametrize(
    "header",
    [
        "Nom de la campagne,ID de la campagne,Jour,Montant dépensé (EUR),Début des rapports,Fin des rapports",
        "Nombre de la campaña,Identificador de la campaña,Día,Importe gastado (EUR),Inicio del informe,Fin del informe",
        "Nome della campagna,ID campagna,Giorno,Importo speso (EUR),Inizio dei report,Fine dei report",
        "Nome da campanha,Identificação da campanha,Dia,Valor gasto (EUR),Início dos relatórios,Término dos relatórios",
        "Campanha,Identificação da campanha,Dia,Valor usado (EUR),Início dos relatórios,Encerramento dos relatórios",
        "Campagnenaam,Campagne-ID,Dag,Besteed bedrag (EUR),Start rapportage,Einde rapportage",
    ],
)
def test_an_export_of_meta_ads_in_other_languages(header: str) -> None:
    line = 'Sommer,120210000000000001,{day},"1.234,56",2026-11-24,{last}\n'
    assert totals(read_text(f"{header}\n{line.format(day='2026-11-25', last='2026-11-30')}")) == [
        (2, "120210000000000001", "2026-11-25", "1234.56", "EUR")
    ]
    without_day = header.replace(header.split(",")[2], "-", 1)
    found = read_text(
        f"{without_day}\n{line.format(day='', last='2026-11-24')}{line.format(day='', last='2026-11-30')}"
    )
    assert totals(found) == [(2, "120210000000000001", "2026-11-24", "1234.56", "EUR")]
    assert "make the report by day" in others(found)[3]


def test_a_plain_file_says_itself_what_it_can_and_takes_the_rest_from_the_command() -> None:
    found = read("plain.csv", Defaults(AS_OF, source="shop", day="2026-11-25"))
    first, second, third = (json.loads(row.value) for row in found.rows if isinstance(row.value, bytes))
    assert (first["source"], first["as_of"], first["day"]) == ("tiktok-ads", "2026-11-25T06:00:00Z", "2026-11-24")
    assert (second["source"], second["as_of"], second["day"]) == ("shop", AS_OF, "2026-11-25")
    assert [row.has_own_as_of for row in found.rows] == [True, False, False]
    ids = {"brand_id": "a", "campaign_id": "b"}
    refused = read_snapshot(json.dumps({**third, **ids}).encode())
    assert isinstance(refused, Refusal)
    assert "marks between thousands" in refused.message


def test_json_lines_stay_digit_for_digit() -> None:
    found = read("totals.jsonl", Defaults(AS_OF, source="shop", day="2026-11-25"))
    assert (found.kind, found.header) == (SnapshotFileFormat.JSON_LINES, None)
    first, second, third = (row.value for row in found.rows)
    assert isinstance(first, bytes) and isinstance(second, bytes) and isinstance(third, bytes)
    snapshot = read_snapshot(first)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.cost_micros == 999999999123456
    assert external_id_of(second) == "987"
    resolved = with_ids(second, "987", {"987": IDS})
    assert isinstance(resolved, bytes)
    assert json.loads(resolved) == {
        "source": "shop",
        "day": "2026-11-25",
        "as_of": AS_OF,
        "cost": "5",
        **IDS[0]._asdict(),
    }
    assert isinstance(read_snapshot(third), Refusal)


@pytest.mark.parametrize(
    ("text", "observed"),
    [
        ("", "is empty"),
        ("\n\n", "names columns that are known"),
        ("event_id,brand_id,amount\n", "names columns that are known"),
        ("Campaign,Day,Cost\n", "campaign id"),
        ("Campaign ID,Cost\n", "--day"),
        ("Campaign name,Amount spent (EUR)\n", "campaign id and day"),
        ("source,campaign_id,day,cost\n", "brand_id"),
        ("Campaign ID,Day,Cost,Cost\n", "twice"),
        ("Kampagnen-ID;Tag;W\udce4hrungscode;Kosten\n", "not UTF-8"),
        ('Campaign ID,Day,Cost\n1,2026-11-24,1.50\n2,2026-11-24,"1,50"\n', "Line 2 has a point .* line 3 a comma"),
    ],
)
def test_what_is_no_file_of_totals_is_refused_in_a_sentence(text: str, observed: str) -> None:
    with pytest.raises(RefusedValue, match=observed):
        read_text(text)


@pytest.mark.parametrize(
    ("cell", "decimal", "expected"),
    [
        ("1,234.56", Decimal.POINT, "1234.56"),
        ("1.234,56", Decimal.COMMA, "1234.56"),
        ("1 234,56", Decimal.COMMA, "1234.56"),
        ("1\u202f234,56", Decimal.COMMA, "1234.56"),
        ("1\xa0234,56", Decimal.COMMA, "1234.56"),
        ("1'234.56", Decimal.POINT, "1234.56"),
        ("12,34,567.80", Decimal.POINT, "1234567.80"),
        ("-1,234.5", Decimal.POINT, "-1234.5"),
        ("1234", None, "1234"),
        ("1,234", Decimal.POINT, "1234"),
        ("1,234", Decimal.COMMA, "1.234"),
    ],
)
def test_amounts_of_many_countries(cell: str, decimal: Decimal | None, expected: str) -> None:
    assert plain_amount(cell, decimal) == expected


@pytest.mark.parametrize("cell", ["", "1,23.4", "1..2", "1e3", "€5", ",5", "5.", "٣"])
@pytest.mark.parametrize("decimal", [None, *Decimal])
def test_what_is_no_amount_is_refused(cell: str, decimal: Decimal | None) -> None:
    assert isinstance(plain_amount(cell, decimal), Refusal)


def test_an_amount_that_may_be_two_is_refused_unless_another_line_tells() -> None:
    header = "Campaign ID;Tag;Kosten\n"
    alone = others(read_text(f"{header}1;2026-11-24;1,234\n"))
    assert "two ways" in alone[2]
    told = read_text(f"{header}1;2026-11-24;1,234\n2;2026-11-24;1,5\n")
    assert [cost for _, _, _, cost, _ in totals(told)] == ["1.234", "1.5"]
    asked = read_text(f"{header}1;2026-11-24;1,234\n2;2026-11-24;1,5\n", Defaults(AS_OF, decimal=Decimal.POINT))
    assert ([cost for _, _, _, cost, _ in totals(asked)], sorted(others(asked))) == (["1234"], [3])


@pytest.mark.parametrize(
    ("cells", "decimal", "expected"),
    [
        (["0.123"], None, ["0.123"]),
        (["0,123", "1.234"], None, ["0.123", "1234"]),
        (["0.123"], Decimal.COMMA, [None]),
    ],
)
def test_a_zero_begins_no_thousands(cells: list[str], decimal: Decimal | None, expected: list[str | None]) -> None:
    known = decimal or decimal_mark_of(enumerate(cells))
    read = [plain_amount(cell, known) for cell in cells]
    assert [None if isinstance(it, Refusal) else it for it in read] == expected


def test_a_currency_without_minor_units_has_no_fraction() -> None:
    lines = ["Campaign ID;Day;Currency code;Cost", "1;2026-11-24;JPY;1,234", "2;2026-11-24;VND;12.345"]
    found = read_text("\n".join([*lines, "3;2026-11-24;KWD;1,234"]))
    assert [cost for _, _, _, cost, _ in totals(found)] == ["1234", "12345"]
    assert "two ways" in others(found)[4]
    of_meta = read_text("Campaign ID;Day;Amount spent (JPY)\n1;2026-11-24;7,890\n")
    assert totals(of_meta) == [(2, "1", "2026-11-24", "7890", "JPY")]


def test_a_day_is_read_where_its_parts_have_one_order_alone() -> None:
    days = ["2026-11-24", "24.11.2026", "4.1.2026", "2026/11/24", "2026.11.24"]
    unclear = ["24/11/2026", "11-24-2026", "Nov 24, 2026", "31.11.2026", "2026-11/24", "", "--"]
    lines = [f"{number},{text}" for number, text in enumerate([*days, *unclear], start=1)]
    found = read_text(
        "\n".join(
            ["Campaign ID,Day,Cost", *(f'{line.partition(",")[0]},"{line.partition(",")[2]}",1.50' for line in lines)]
        )
    )
    assert [day for _, _, day, _, _ in totals(found)] == [
        *("2026-11-24", "2026-11-24", "2026-01-04", "2026-11-24", "2026-11-24")
    ]
    assert len(others(found)) == len(unclear)
    assert "such as 2026-11-24" in others(found)[len(days) + 2]


@pytest.mark.parametrize(
    "beginning", ["date_start,date_stop", "reporting_starts,reporting_ends", "Reporting starts,Reporting ends"]
)
def test_insights_name_their_day_in_many_ways_and_a_column_of_days_counts_most(beginning: str) -> None:
    found = read_text(f"{beginning},campaign_id,spend\n2026-11-24,2026-11-24,7,1.50\n2026-11-01,2026-11-30,7,1.50\n")
    assert totals(found) == [(2, "7", "2026-11-24", "1.50", None)]
    assert "make the report by day" in others(found)[3]
    by_day = read_text(f"{beginning},campaign_id,spend,Day\n2026-11-01,2026-11-30,7,1.50,2026-11-24\n")
    assert totals(by_day) == [(2, "7", "2026-11-24", "1.50", None)]


@given(st.integers(0, 10**15), st.sampled_from(list(Decimal)), st.sampled_from(["", "other", " ", "\u202f"]))
def test_an_amount_is_read_as_it_was_written(micros: int, decimal: Decimal, between: str) -> None:
    mark = decimal.other.mark if between == "other" else between
    whole = f"{micros // 10**6:,}".replace(",", mark)
    cell = f"{whole}{decimal.mark}{micros % 10**6:06d}"
    known = decimal_mark_of([(1, cell)])
    assert known in (decimal, None)
    assert plain_amount(cell, known or decimal) == f"{micros // 10**6}.{micros % 10**6:06d}"


GOOD = "21034567891,Brand,2026-11-24,1.50"
TOTAL = "Total: Account, --, --,7.50"
BAD = ['"', "x,Brand,2026-11-24,1.50", "1,Brand,2026-11-24", "1,Brand,2026-11-24,x", "1,a\0,2026-11-24,1.50", "\ud800"]
LINES = st.one_of(
    st.sampled_from([("good", GOOD), ("total", TOTAL), ("blank", ""), ("blank", ",,,")]),
    st.sampled_from([("bad", text) for text in BAD]),
)


@given(
    st.lists(LINES, max_size=30),
    st.lists(st.sampled_from(["Campaign report", '"November 1, 2026"', ""]), max_size=4),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_totals_refused_and_skipped_are_all_lines_after_the_header(
    drawn: list[tuple[str, str]], preamble: list[str], end: str, encoding: str
) -> None:
    lines = [*preamble, "Campaign ID,Campaign,Day,Cost", *(text for _, text in drawn)]
    found = read_file(io.BytesIO(end.join(lines).encode(encoding, errors="surrogatepass")), DEFAULTS)
    kinds = {bytes: "good", SkippedLine: "total", Refusal: "bad"}
    first = len(preamble) + 2
    expected = [(first + index, kind) for index, (kind, _) in enumerate(drawn) if kind != "blank"]
    assert [(row.number, kinds[type(row.value)]) for row in found.rows] == expected


@given(
    st.binary(max_size=300),
    st.sampled_from(["", "Campaign ID,Day,Cost\n", "campaign_id,day,spend\n", "day,cost,external_id\n", "{"]),
)
def test_every_byte_string_is_read_or_refused(data: bytes, header: str) -> None:
    try:
        found = read_file(io.BytesIO(header.encode() + data), DEFAULTS)
    except RefusedValue:
        return
    numbers = [row.number for row in found.rows]
    assert numbers == sorted(set(numbers))
    for row in found.rows:
        if isinstance(row.value, bytes):
            resolved = with_ids(row.value, external_id_of(row.value), {})
            assert not isinstance(resolved, bytes) or isinstance(read_snapshot(resolved), Snapshot | Refusal)


def test_of_several_totals_of_one_campaign_and_day_none_is_taken() -> None:
    def snapshot(cost: int, as_of: int = 1, source: str = "x") -> Snapshot:
        value = {"source": source, "day": "2026-11-24", "cost": cost, "as_of": f"2026-11-24T00:00:0{as_of}Z"}
        found = read_snapshot(json.dumps({**value, **IDS[0]._asdict()}).encode())
        assert isinstance(found, Snapshot)
        return found

    refused = repeat_refusals(
        [
            Numbered(2, snapshot(1), False),
            Numbered(3, snapshot(1), False),
            Numbered(4, snapshot(1, source="y"), True),
            Numbered(5, snapshot(1, source="y"), True),
            Numbered(6, snapshot(1, as_of=2), True),
            Numbered(7, snapshot(2, as_of=2), True),
            Numbered(8, snapshot(2, as_of=3), True),
        ]
    )
    assert {number: it.message.partition(" has")[0] for number, it in refused.items()} == {
        2: "line 3",
        3: "line 2",
        6: "line 7",
        7: "line 6",
    }
