"""What the copy of the catalog in memory answers; that it follows the database is tested with the console."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import models.catalog_mirror
from models.catalog_mirror import CatalogMirror
from models.tables.brand import Brand
from models.tables.campaign import Campaign


def campaign(name: str, revision: int, external_id: str | None = None, campaign_id: str = "A-1") -> Campaign:
    return Campaign(campaign_id=campaign_id, brand_id="nike", name=name, external_id=external_id, revision=revision)


def with_turns(work: Callable[[], object], turn: Callable[[], object]) -> None:
    """Does the work as a thread would that has to give another one a turn before each of the mirror's lines."""

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != models.catalog_mirror.__file__:
            return None
        if event == "line":
            turn()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)


def test_the_text_of_a_brands_campaigns_follows_their_edits() -> None:
    mirror = CatalogMirror("", lambda: None, lambda brand_ids: None)
    mirror.store_brand(Brand(brand_id="nike", name="Nike", revision=1))
    assert mirror.campaigns_text("nike") == ""
    mirror.store_campaign(campaign("Summer", 1))
    assert mirror.campaigns_text("nike") == "a-1\nsummer\n"
    mirror.store_campaign(campaign("Winter", 2, "G-77"))
    assert mirror.campaigns_text("nike") == "a-1\nwinter\ng-77"
    mirror.store_campaign(campaign("Summer", 1))  # an older row
    assert "winter" in mirror.campaigns_text("nike")


def test_a_thread_may_read_while_rows_are_stored() -> None:
    mirror = CatalogMirror("", lambda: None, lambda brand_ids: None)
    brand = Brand(brand_id="nike", name="Nike", revision=1)

    def read() -> None:
        assert all(map(mirror.brand, mirror.brand_ids()))
        assert all(map(mirror.campaign, mirror.campaign_ids()))
        mirror.campaigns_text("nike")

    with_turns(lambda: mirror.store_brand(brand), read)
    with_turns(lambda: mirror.store_campaign(campaign("Summer", 1)), read)
    assert mirror.campaigns_text("nike") == "a-1\nsummer\n"
    with_turns(lambda: mirror.store_campaign(campaign("Winter", 2)), read)
    assert mirror.campaigns_text("nike") == "a-1\nwinter\n"


def test_a_thread_reads_each_campaign_once_while_others_are_stored() -> None:
    mirror = CatalogMirror("", lambda: None, lambda brand_ids: None)
    for number in range(5, 9):
        mirror.store_campaign(campaign("", 1, campaign_id=f"A-{number}"))
    earlier = iter("4321")
    read: list[Campaign] = []

    def store() -> None:
        if number := next(earlier, ""):
            mirror.store_campaign(campaign("", 1, campaign_id=f"A-{number}"))

    with_turns(lambda: read.extend(mirror.campaigns_of("nike")), store)
    assert [it.campaign_id for it in read] == sorted({it.campaign_id for it in read})
