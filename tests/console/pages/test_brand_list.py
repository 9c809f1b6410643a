"""What the overview finds, in which order, on which page."""

from datetime import date

from console.live.brand_summary import BrandStatus, BrandSummary, Meter
from console.live.needs import Need
from console.pages.brand_list import PAGE_SIZE, BrandEntry, select


def entry(
    brand_id: str, name: str = "", *, spent: int = 0, budget: int | None = 100, paused: int = 0, archived: bool = False
) -> BrandEntry:
    seen = BrandSummary(
        brand_id=brand_id,
        status=BrandStatus.ENABLED,
        currency="USD",
        time_zone="UTC",
        day_on=date(2025, 9, 8),
        day_starts_at=0,
        day_ends_at=1,
        month_starts_at=0,
        month_ends_at=1,
        day=Meter(spent, budget),
        month=Meter(spent, None),
        running=0,
        paused=paused,
        reasons={},
    )
    return BrandEntry(brand_id, name or brand_id, archived, seen)


def ids(entries: list[BrandEntry], search: str = "", sort: str = "name", page: int = 1) -> list[str]:
    return [it.brand_id for it in select(entries, search=search, sort=sort, page=page).entries]


def test_names_are_sorted_without_regard_to_capitals() -> None:
    brands = [entry("a", "zeta"), entry("b", "Alpha"), entry("c", "beta")]
    assert ids(brands) == ["b", "c", "a"]
    assert ids(brands, sort="-name") == ["a", "c", "b"]


def test_the_part_of_the_day_that_is_used_sorts_exactly_and_no_budget_is_never_used() -> None:
    brands = [
        entry("a", spent=50),
        entry("b", spent=1, budget=None),
        entry("c", spent=0, budget=0),
        entry("d", spent=51),
    ]
    assert ids(brands, sort="-day") == ["c", "d", "a", "b"]


def test_amounts_of_one_currency_are_not_compared_with_those_of_another() -> None:
    spent = {"a": (40, "USD"), "b": (9_000, "JPY"), "c": (900, "USD"), "d": (800, "JPY")}
    brands = [entry(it, spent=micros)._replace(currency=currency) for it, (micros, currency) in spent.items()]
    assert ids(brands, sort="-spent") == ["b", "d", "c", "a"]
    assert ids(brands, sort="spent") == ["d", "b", "a", "c"]


def test_what_the_controller_does_not_hold_comes_last_both_ways() -> None:
    brands = [BrandEntry("new", "new", False, None), entry("a", paused=1), entry("b", paused=2)]
    assert ids(brands, sort="-paused") == ["b", "a", "new"]
    assert ids(brands, sort="paused") == ["a", "b", "new"]


def test_a_search_looks_into_id_and_name() -> None:
    brands = [entry("nike", "Swoosh"), entry("puma", "Cat")]
    assert ids(brands, search=" SWOO ") == ["nike"]
    assert ids(brands, search="pum") == ["puma"]
    assert ids(brands, search="nothing like it") == []


def test_archived_brands_are_apart() -> None:
    brands = [entry("old", archived=True), entry("nike")]
    assert ids(brands) == ["nike"]
    found = select(brands, archived=True, sort="name", page=1)
    assert [it.brand_id for it in found.entries] == ["old"]


def test_a_page_beyond_the_last_is_the_last() -> None:
    brands = [entry(f"b{number:03d}") for number in range(2 * PAGE_SIZE + 1)]
    found = select(brands, sort="name", page=99)
    assert (found.page, found.pages, found.found) == (3, 3, 2 * PAGE_SIZE + 1)
    assert [it.brand_id for it in found.entries] == ["b100"]
    assert ids(brands, page=0) == ids(brands, page=1)


def test_a_sort_that_does_not_exist_is_by_name() -> None:
    assert ids([entry("b"), entry("a")], sort="'; --") == ["a", "b"]


def test_a_need_selects_and_each_is_counted_among_all_that_is_found() -> None:
    brands = [
        entry("a")._replace(needs=frozenset({Need.OVER, Need.SILENT})),
        entry("b")._replace(needs=frozenset({Need.SILENT})),
        entry("c", archived=True)._replace(needs=frozenset({Need.SILENT})),
    ]
    chosen = select(brands, need=Need.OVER, sort="-name", page=1)
    assert [it.brand_id for it in chosen.entries] == ["a"]
    assert chosen.needs == {Need.OVER: 1, Need.SILENT: 2}
    assert select(brands, search="b", sort="name", page=1).needs == {Need.SILENT: 1}


def test_brands_that_need_somebody_come_first_the_most_urgent_at_the_top() -> None:
    needs = {"c": {Need.SILENT}, "d": {Need.OVER, Need.BY_HAND}, "e": {Need.OVER, Need.SOON}, "f": {Need.SILENT}}
    brands = [entry(it)._replace(needs=frozenset(needs.get(it, ()))) for it in "abcdef"]
    assert ids(brands, sort="need") == ["d", "e", "c", "f", "a", "b"]


def test_currency_and_zone_sort_by_their_names_also_of_brands_that_are_not_held() -> None:
    brands = [
        entry("a")._replace(currency="USD", time_zone="Asia/Tokyo"),
        entry("b")._replace(currency="EUR", time_zone="Europe/Berlin"),
        BrandEntry("c", "c", False, None, currency="PKR", time_zone="Asia/Karachi"),
    ]
    assert ids(brands, sort="currency") == ["b", "c", "a"]
    assert ids(brands, sort="-currency") == ["a", "c", "b"]
    assert ids(brands, sort="zone") == ["c", "a", "b"]


def test_a_brand_is_found_by_its_campaigns() -> None:
    asked: list[str] = []

    def in_campaigns(brand_id: str, text: str) -> bool:
        asked.append(text)
        return brand_id == "nike"

    found = select([entry("nike"), entry("puma")], search=" ADS-7", sort="name", page=1, in_campaigns=in_campaigns)
    assert [it.brand_id for it in found.entries] == ["nike"]
    assert set(asked) == {"ads-7"}


def test_all_that_is_found_is_there_in_order_beside_the_page() -> None:
    brands = [entry(f"b{number:03d}") for number in range(PAGE_SIZE + 1)]
    found = select(brands, sort="-name", page=2)
    assert [it.brand_id for it in found.all] == [it.brand_id for it in reversed(brands)]
    assert [it.brand_id for it in found.entries] == ["b000"]
