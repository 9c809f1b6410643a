"""Which campaigns of a brand its page lists."""

from console.pages.campaign_now import PAGE_SIZE, listed_campaigns
from core.reasons import Reason
from core.state import CampaignState
from models.tables.campaign import Campaign


def campaign(campaign_id: str, name: str = "", external_id: str | None = None, archived: bool = False) -> Campaign:
    return Campaign(campaign_id=campaign_id, name=name, external_id=external_id, archived=archived)


def found(rows: list[Campaign], search: str = "", page: int = 1) -> list[str]:
    return [it.campaign_id for it in listed_campaigns(rows, search, page).rows]


def test_a_search_finds_by_id_name_and_external_id_in_any_case() -> None:
    rows = [campaign("a-1", "Summer"), campaign("b-2", external_id="G-77"), campaign("c-3")]
    assert [found(rows, it) for it in ("SUMMER", "g-77", "c-", "nothing", " ")] == [
        ["a-1"],
        ["b-2"],
        ["c-3"],
        [],
        ["a-1", "b-2", "c-3"],
    ]


def test_archived_ones_come_last() -> None:
    assert found([campaign("a", archived=True), campaign("c"), campaign("b")]) == ["b", "c", "a"]


def test_each_campaign_is_on_one_page_and_a_page_beyond_the_last_is_the_last() -> None:
    rows = [campaign(f"c-{number:04}") for number in range(2 * PAGE_SIZE + 1)]
    pages = [found(rows, page=number) for number in (1, 2, 3)]
    assert [it for page in pages for it in page] == [it.campaign_id for it in rows]
    last = listed_campaigns(rows, "", 99)
    assert (last.page, last.pages, last.found, found(rows, page=0)) == (3, 3, 2 * PAGE_SIZE + 1, pages[0])


def test_campaigns_are_sorted_by_name_state_and_spend_and_equal_ones_by_id() -> None:
    rows = [campaign("a", "Zoo"), campaign("b", "alps"), campaign("c"), campaign("d", "Archived", archived=True)]
    states = {it: CampaignState(it) for it in "abcd"}
    states["b"].daily_micros, states["c"].total_micros, states["d"].daily_micros = 5, 9, 99
    states["c"].reasons = Reason.MANUAL

    def ids(sort: str) -> str:
        return "".join(it.campaign_id for it in listed_campaigns(rows, "", 1, sort=sort, states=states).rows)

    sorts = ("name", "-name", "-state", "-today", "-total", "total", "colour", "")
    assert [ids(it) for it in sorts] == ["bcad", "acbd", "cabd", "bacd", "cabd", "abcd", "abcd", "abcd"]


def test_a_mark_selects_and_each_is_counted_among_all_that_is_found() -> None:
    rows = [campaign("a-1"), campaign("a-2"), campaign("b-1")]
    marks = {"a-1": frozenset({"running"}), "a-2": frozenset({"paused", "over"}), "b-1": frozenset({"paused"})}
    listed = listed_campaigns(rows, "a-", 1, marks, "paused")
    assert [it.campaign_id for it in listed.rows] == ["a-2"]
    assert listed.marks == {"running": 1, "paused": 1, "over": 1}
    assert listed.found == 1
