"""The page of all campaigns: what they spend, whether and why they run, sorted and filtered by it, across brands."""

import asyncio
import html
import re
import secrets

import httpx
import pytest

from local.kafka import LocalKafka
from operations.accounts.person import Role
from tests.console.api.server import program, served, signed_in, until
from tests.console.api.tcp_proxy import TcpProxy
from tests.console.pages.browser.test_watching import spend
from tests.console.pages.conftest import FormClient
from tests.console.pages.test_brand_chips import _chips
from tests.installation import Surroundings

pytestmark = pytest.mark.usefixtures("worker")


def _ids(page: str) -> list[str]:
    """Of the campaigns, as they stand."""
    return re.findall(r'<th scope="row"><div class="name"><a href="/campaigns/([^"]+)"', page)


def _row(page: str, campaign_id: str) -> str:
    markup = page.partition(f'href="/campaigns/{campaign_id}"')[2].partition("</tr>")[0]
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", markup)).split())


@pytest.fixture(scope="module")
def name(operator: FormClient) -> str:
    return f"across {secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def campaign_ids(operator: FormClient, surroundings: Surroundings, name: str) -> list[str]:
    """Of one that runs, of one whose brand has no money left and of one that is paused by hand, in three brands."""
    brands = [operator.brand(daily_budget="10") for _ in range(3)]
    found = [operator.campaign(it, name=f"{name} {n}", total_budget="80") for n, it in enumerate(brands)]
    asyncio.run(spend(surroundings, brands[0], found[0], "2.50", "1"))
    asyncio.run(spend(surroundings, brands[1], found[1], "12.00", "1"))
    assert operator.post(f"/campaigns/{found[2]}/pause", {}).status_code == 303
    until(lambda: _chips(operator.page("/campaigns", search=name)).get("paused", (0, ""))[0] == 2)
    until(lambda: "2.50" in _row(operator.page("/campaigns", search=name), found[0]))
    return found


def test_each_shows_its_spend_and_why_it_is_paused(viewer: FormClient, name: str, campaign_ids: list[str]) -> None:
    page = viewer.page("/campaigns", search=name)
    runs, used_up, held = (_row(page, it) for it in campaign_ids)
    assert "Running" in runs and "2.50 EUR of unlimited" in runs and "2.50 of 80.00 EUR 3 %" in runs
    assert "Paused brand's daily budget" in used_up and "12.00 of 80.00 EUR 15 %" in used_up
    assert "Paused by an operator" in held and "0.00 of 80.00 EUR" in held


def test_campaigns_of_all_brands_are_sorted_by_name_state_and_spend(
    viewer: FormClient, name: str, campaign_ids: list[str]
) -> None:
    runs, used_up, held = campaign_ids
    for sort, expected in {
        "name": [runs, used_up, held],
        "-name": [held, used_up, runs],
        "-today": [used_up, runs, held],
        "total": [held, runs, used_up],
        "state": [runs, *sorted([used_up, held])],
        "-state": [*sorted([used_up, held]), runs],
    }.items():
        assert _ids(viewer.page("/campaigns", search=name, sort=sort)) == expected, sort
    assert "within each currency" not in viewer.page("/campaigns", search=name, sort="-state")
    page = viewer.page("/campaigns", search=name, sort="-today")
    assert "within each currency" in page
    assert re.search(r'aria-sort="descending"><a href="/campaigns\?search=[^"]*&amp;sort=today"', page)


def test_a_chip_lists_those_of_all_brands_and_what_it_hides_is_not_changed_by_all_that_match(
    operator: FormClient, name: str, campaign_ids: list[str]
) -> None:
    page = operator.page("/campaigns", search=name)
    assert "Change all that match" in page
    count, url = _chips(page)["paused by hand"]
    assert count == 1
    listed = operator.page(url)
    assert _ids(listed) == campaign_ids[2:]
    assert "Change all that match" not in listed
    assert operator.get("/campaigns", only="everything").status_code == 422


def test_who_searches_by_an_external_id_changes_what_is_listed(
    operator: FormClient, surroundings: Surroundings
) -> None:
    external_id = f"customers/{secrets.token_hex(4)}"
    campaign_id = operator.campaign(operator.brand(), external_id=external_id)
    assert _ids(operator.page("/campaigns", search=external_id.upper())) == [campaign_id]
    token = program(surroundings.settings, str(operator.client.base_url).rstrip("/"), Role.VIEWER)
    found = token.get("/campaigns", search=external_id.upper())["items"]
    assert [it["campaign_id"] for it in found] == [campaign_id]
    asked = operator.post("/many-campaigns", {"search": external_id.upper(), "daily_budget": "5"})
    assert "Change 1 campaign?" in asked.text


@pytest.mark.parametrize(("named", "search"), [("Straße", "STRASSE"), ("ΟΔΟΣ", "οδος")])
def test_all_that_is_listed_is_changed_in_every_alphabet(operator: FormClient, named: str, search: str) -> None:
    brand_id = operator.brand()
    campaign_id = operator.campaign(brand_id, name=named)
    assert _ids(operator.page("/campaigns", brand=brand_id, search=search)) == [campaign_id]
    asked = operator.post("/many-campaigns", {"brand": brand_id, "search": search, "daily_budget": "5"})
    assert "Change 1 campaign?" in asked.text


def test_a_list_goes_on_on_the_next_page(operator: FormClient, viewer: FormClient) -> None:
    brand_id = operator.brand()
    operator.campaigns(brand_id, 101)
    first = viewer.page("/campaigns", brand=brand_id, sort="-name")
    assert "1-100 of 101" in first and len(_ids(first)) == 100
    (next_url,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = viewer.page(html.unescape(next_url))
    assert sorted(_ids(first) + _ids(second)) == sorted(f"{brand_id}.{number}" for number in range(101))
    assert 'rel="prev"' in second


def test_archived_ones_are_apart(operator: FormClient, viewer: FormClient) -> None:
    brand_id = operator.brand()
    there, away = operator.campaign(brand_id), operator.campaign(brand_id)
    assert operator.post(f"/campaigns/{away}/archive", {}).status_code == 303
    assert _ids(viewer.page("/campaigns", brand=brand_id)) == [there]
    assert _ids(viewer.page("/campaigns", brand=brand_id, archived="true")) == [away]
    assert _ids(viewer.page("/campaigns", brand=brand_id, archived="true", only="paused")) == [away]


def test_while_the_broker_is_away_no_spend_state_or_order_by_them_is_told(
    operator: FormClient, surroundings: Surroundings, kafka: LocalKafka
) -> None:
    """Which is so for some seconds after each start, too."""
    campaign_id = operator.campaign(operator.brand(), total_budget="80")
    way = TcpProxy(kafka.port)  # shut
    with served(surroundings.settings.replace(brokers=f"127.0.0.1:{way.port}")) as address:
        until(lambda: "database" not in httpx.get(f"{address}/health/ready").json()["away"])
        http = signed_in(surroundings.settings, address).http
        asked = {"search": campaign_id, "sort": "-today"}
        page = http.get("/campaigns", params=asked).text
        assert "The broker is not reached: state and spend are not shown." in page
        assert _ids(page) == [campaign_id]
        row = _row(page, campaign_id)
        assert "0.00" not in row and "Unknown" not in row and row.count("\N{EN DASH}") == 3
        assert "aria-sort" not in page and 'id="campaign-chips"' in page and _chips(page) == {}
        chosen = http.get("/campaigns", params={**asked, "only": "paused"}).text
        assert "is not known now" in chosen and "No campaign is like that" not in chosen

        way.open()
        try:
            until(lambda: "not reached" not in http.get("/campaigns", params=asked).text)
            assert "of 80.00 EUR" in _row(http.get("/campaigns", params=asked).text, campaign_id)
        finally:
            way.close()
