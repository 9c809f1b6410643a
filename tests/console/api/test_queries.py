"""Parameters and headers that say something else than was meant are refused, never passed over."""

import pytest

from tests.console.api.server import Api, signed_in
from tests.installation import Surroundings


@pytest.fixture(scope="module")
def browser(surroundings: Surroundings, api_url: str) -> Api:
    return signed_in(surroundings.settings, api_url)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/api/v1/brands?serach=x", "serach"),
        ("/api/v1/campaigns?brand=x", "brand"),
        ("/api/v1/campaigns/x/schedule?day=3", "day"),
        ("/api/v1/spend?brand=nike", "brand"),
        ("/api/v1/spend?brand_id=a&brand_id=b", "brand_id"),
        ("/api/v1/control?Brand_id=x", "Brand_id"),
        ("/api/v1/dead-letters?handled=true&x", "x"),
        ("/api/v1/reconcile?brand=x", "brand"),
        ("/api/v1/status?verbose=1", "verbose"),
    ],
)
def test_a_parameter_that_nobody_reads_is_named(viewer_api: Api, path: str, named: str) -> None:
    problem = viewer_api.problem("GET", path, 422)
    assert f"{named!r}" in problem["detail"]


def test_an_act_takes_no_parameter_either(api: Api) -> None:
    campaign_id = api.campaign(api.brand())
    api.problem("POST", f"/api/v1/campaigns/{campaign_id}/pause?dry_run=true", 422)
    assert api.get(f"/campaigns/{campaign_id}")["revision"] == 1


@pytest.mark.parametrize("day", ["1700006400", "20250908", "2025-09-08T00:00:00", "2025-W37-1", " 2025-09-08", ""])
def test_a_day_is_a_date_and_no_number(viewer_api: Api, day: str) -> None:
    for name in ("day_from", "day_until"):
        assert name in viewer_api.problem("GET", "/api/v1/spend", 422, params={name: day})["detail"]
    assert viewer_api.get("/spend", day_from="9000-01-01")["items"] == []


@pytest.mark.parametrize("path", ["/spend.csv?brand_id=", "/spend.csv?brand_id=x", "/spend.csv?brand=a&brand=b"])
def test_an_export_with_a_wrong_filter_is_none(browser: Api, path: str) -> None:
    answer = browser.http.get(path)
    assert answer.status_code == 422
    assert "brand" in answer.text
    assert browser.http.get(path.replace("spend", "commands")).status_code == 422


@pytest.mark.parametrize("path", ["/spend.csv?brand=&campaign=&show=all&after=x", "/commands.csv?brand=&action="])
def test_the_address_of_a_page_exports_what_the_page_shows(browser: Api, path: str) -> None:
    assert browser.http.get(path).status_code == 200


def test_no_time_zone_is_no_utc(api: Api) -> None:
    body = {"brand_id": "no-zone", "currency": "USD", "time_zone": ""}
    assert "time zone" in api.problem("POST", "/api/v1/brands", 422, json=body)["detail"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ('"1"', 200),
        ('"7", "1"', 200),
        ('"1" ,"7",', 200),
        ('W/"1", "1"', 200),
        ('"x,y", "1"', 200),
        ('W/"1"', 412),
        ('"7", "8"', 412),
        ('"1", *', 412),
        ("1", 412),
        ('"', 412),
        ("*", 200),
        ("", 428),
    ],
)
def test_if_match_may_be_a_list(api: Api, sent: str, status: int) -> None:
    campaign_id = api.campaign(api.brand())
    api.held(f"/campaigns/{campaign_id}", lambda it: it["revision"] == 1)
    path = f"/api/v1/campaigns/{campaign_id}"
    answer = api.http.patch(path, json={"name": "other"}, headers={"if-match": sent})
    assert answer.status_code == status, answer.text
