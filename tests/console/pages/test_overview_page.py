"""The overview as a page and as a file: found by campaigns too, totals by currency."""

import csv
import html
import io
import re
import secrets

import pytest

from tests.console.api.server import until
from tests.console.pages.conftest import FormClient

PATIENCE_SECONDS = 60

pytestmark = pytest.mark.usefixtures("worker")


def _words(markup: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", markup)).split())


def _file(visitor: FormClient, **query: str) -> list[dict[str, str]]:
    answer = visitor.get("/overview.csv", **query)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="spendgate-overview.csv"'
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


@pytest.fixture(scope="module")
def name(operator: FormClient) -> str:
    """Of two brands in two currencies, and of no other; the console knows the state of both."""
    name = f"totals {secrets.token_hex(4)}"
    operator.brand(name=f"={name}", daily_budget="10.5", currency="PKR", time_zone="Asia/Karachi")
    operator.brand(name=name, daily_budget="7.000001")
    until(lambda: all(row["day"] for row in _file(operator, search=name)), PATIENCE_SECONDS)
    return name


def test_the_file_has_the_list_of_the_page_and_nothing_that_a_spreadsheet_runs(viewer: FormClient, name: str) -> None:
    rows = _file(viewer, search=name, sort="-currency")
    assert [(it["name"], it["currency"], it["time_zone"]) for it in rows] == [
        (f"'={name}", "PKR", "Asia/Karachi"),
        (name, "EUR", "Europe/Berlin"),
    ]
    assert [it["name"] for it in _file(viewer, search=name, sort="currency")] == [name, f"'={name}"]
    assert _file(viewer, search=name, archived="true") == []


def test_the_address_of_the_file_keeps_what_the_page_is_filtered_by(viewer: FormClient, name: str) -> None:
    page = viewer.page("/", search=name, sort="-zone")
    address = re.search(r'href="(/overview\.csv[^"]*)"', page)
    assert address
    assert viewer.get(html.unescape(address[1])).text == viewer.get("/overview.csv", search=name, sort="-zone").text
    assert name in viewer.get(html.unescape(address[1])).text


def test_each_currency_has_its_totals(viewer: FormClient, name: str) -> None:
    section = viewer.page("/", search=name).partition("<h2>Totals</h2>")[2].partition("</section>")[0]
    assert re.findall(r"\b(EUR|PKR) 1\b", _words(section)) == ["EUR", "PKR"]


def test_a_brand_is_found_by_the_external_id_of_a_campaign(operator: FormClient, viewer: FormClient) -> None:
    brand_id, external_id = operator.brand(), f"customers/{secrets.token_hex(4)}"
    operator.campaign(brand_id, external_id=external_id)
    assert [it["brand_id"] for it in _file(viewer, search=external_id.upper())] == [brand_id]


def test_a_phone_has_the_sorting_that_the_table_has(viewer: FormClient, name: str) -> None:
    page = viewer.page("/", search=name, sort="-zone")
    options = re.findall(r'<option value="([^"]*)"( selected)?>', page)
    assert [value for value, selected in options if selected] == ["-zone"]
    assert {"name", "-day", "-month", "currency", "zone"} <= {value for value, _ in options}
