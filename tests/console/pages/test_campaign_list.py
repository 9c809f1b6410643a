"""Which campaigns of a brand its page lists."""

from console.live.campaign_marks import CampaignFacts
from console.pages.campaign_list import PAGE_SIZE, CampaignList, campaign_list, listed_campaigns
from models.tables.campaign import Campaign


def campaign(
    campaign_id: str, name: str = "", external_id: str | None = None, archived: bool = False, brand_id: str = ""
) -> Campaign:
    return Campaign(campaign_id=campaign_id, brand_id=brand_id, name=name, external_id=external_id, archived=archived)


def found(rows: list[Campaign], search: str = "", page: int = 1) -> list[str]:
    return [it.campaign_id for it in listed_campaigns(rows, CampaignList(search.strip(), page)).rows]


def test_a_search_finds_by_id_name_and_external_id_in_any_case() -> None:
    rows = [campaign("a-1", "Summer"), campaign("b-2", external_id="G-77"), campaign("c-3")]
    assert [found(rows, it) for it in ("SUMMER", "g-77", "c-", "nothing", " ")] == [
        ["a-1"],
        ["b-2"],
        ["c-3"],
        [],
        ["b-2", "c-3", "a-1"],
    ]


def test_archived_ones_come_last() -> None:
    assert found([campaign("a", archived=True), campaign("c"), campaign("b")]) == ["b", "c", "a"]


def test_each_campaign_is_on_one_page_and_a_page_beyond_the_last_is_the_last() -> None:
    rows = [campaign(f"c-{number:04}") for number in range(2 * PAGE_SIZE + 1)]
    pages = [found(rows, page=number) for number in (1, 2, 3)]
    assert [it for page in pages for it in page] == [it.campaign_id for it in rows]
    last = listed_campaigns(rows, CampaignList(number=99))
    assert (last.page, last.pages, last.found, found(rows, page=0)) == (3, 3, 2 * PAGE_SIZE + 1, pages[0])


def test_campaigns_are_sorted_by_name_state_and_spend_and_equal_ones_by_id() -> None:
    rows = [campaign("a", "Zoo"), campaign("b", "alps"), campaign("c"), campaign("d", "Archived", archived=True)]
    running, paused = frozenset({"running"}), frozenset({"paused"})
    facts = {
        "b": CampaignFacts(5, 0, running),
        "c": CampaignFacts(0, 9, paused),
        "d": CampaignFacts(99, 0, frozenset()),
    }

    def ids(sort: str) -> str:
        return "".join(it.campaign_id for it in listed_campaigns(rows, CampaignList(sort=sort), facts).rows)

    sorts = ("name", "-name", "-state", "-today", "-total", "total", "colour", "")
    assert [ids(it) for it in sorts] == ["bcad", "acbd", "cabd", "bacd", "cabd", "abcd", "bcad", "bcad"]


def test_amounts_of_one_currency_are_not_compared_with_those_of_another() -> None:
    rows = [campaign(it, brand_id=brand_id) for it, brand_id in {"a": "us", "b": "jp", "c": "us", "d": "jp"}.items()]
    spent = {"a": 40, "b": 9_000, "c": 900, "d": 800}
    facts = {it: CampaignFacts(micros, micros, frozenset()) for it, micros in spent.items()}
    currencies = {"us": "USD", "jp": "JPY"}

    def ids(sort: str, brand: str = "") -> str:
        listed = listed_campaigns(rows, CampaignList(sort=sort, brand=brand), facts, currencies)
        return "".join(it.campaign_id for it in listed.rows)

    assert [ids(it) for it in ("-today", "today", "-total", "total", "name")] == [
        "bdca",
        "dbac",
        "bdca",
        "dbac",
        "abcd",
    ]
    assert not CampaignList(sort="-today", brand="us").is_by_currency


def test_a_mark_selects_and_each_is_counted_among_all_that_is_found() -> None:
    rows = [campaign("a-1"), campaign("a-2"), campaign("b-1")]
    marks = {"a-1": frozenset({"running"}), "a-2": frozenset({"paused", "over"}), "b-1": frozenset({"paused"})}
    facts = {it: CampaignFacts(0, 0, its) for it, its in marks.items()}
    listed = listed_campaigns(rows, CampaignList("a-", only="paused"), facts)
    assert [it.campaign_id for it in listed.rows] == ["a-2"]
    assert listed.marks == {"running": 1, "paused": 1, "over": 1}
    assert listed.found == 1


def test_an_address_says_what_is_listed_and_leads_back_to_it() -> None:
    query = {"search": " a b ", "brand": "nike", "only": "paused", "sort": "-today", "number": "3"}
    wanted = campaign_list(query)
    assert wanted == CampaignList("a b", 3, "paused", "-today", "nike")
    assert wanted.url("/campaigns", 3) == "/campaigns?brand=nike&search=a+b&only=paused&number=3&sort=-today"
    assert wanted.sort_url("/campaigns") == "/campaigns?brand=nike&search=a+b&only=paused&sort="
    # The form sends the chip along, and no archived one has its mark.
    assert campaign_list({"archived": "true", "only": "paused"}) == CampaignList(archived=True)
    assert CampaignList(archived=True).url("/campaigns") == "/campaigns?archived=true"
    for number in ("", "x", "-1", "1" * 10, "\N{ARABIC-INDIC DIGIT TWO}"):
        assert campaign_list({"number": number}) == CampaignList()
